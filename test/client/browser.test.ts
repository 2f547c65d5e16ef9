/** In a browser a request that CORS blocks looks like an outage, so the error names the setting CORS_ORIGINS. */

import { afterEach, describe, expect, it, vi } from "vitest";
import { callback } from "../../src/client/index.ts";
import { hang, reset, stub, TOKEN, thrown } from "./stub.ts";

const PAGE = "https://portal.example.com";
const HINT = `CORS_ORIGINS includes ${PAGE}`;

/** Gives the globals that code can know a browser by, of a page or of a worker at this origin. */
function enter(scope: "window" | "WorkerGlobalScope", origin?: string): void {
  vi.stubGlobal(scope, {});
  if (origin !== undefined) vi.stubGlobal("location", { origin });
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("the error for a missing response names CORS_ORIGINS", () => {
  it.each(["window", "WorkerGlobalScope"] as const)("for a client in a %s of another origin", async (scope) => {
    const { client } = await stub(reset);
    enter(scope, PAGE);
    const error = await thrown(client({ retries: 0 }).runs.get("1"));
    expect(error).toMatchObject({ code: "unreachable", message: expect.stringContaining(HINT) });
  });

  it("for a callback on a page of another origin", async () => {
    const { url } = await stub(reset);
    enter("window", PAGE);
    const report = callback(`${url}/acme/shop/envs/prod/action-runs/1/callback`, TOKEN, { retries: 0 });
    expect(await thrown(report.succeed())).toMatchObject({ message: expect.stringContaining(HINT) });
  });
});

describe("the error for a missing response does not name CORS_ORIGINS", () => {
  const messageOf = async (settings = {}, answer = reset) => {
    const { client } = await stub(answer);
    return String(await thrown(client({ retries: 0, ...settings }).runs.get("1")));
  };

  it("outside a browser", async () => {
    expect(await messageOf()).not.toContain("CORS_ORIGINS");
  });

  it("on a page of the service's own origin", async () => {
    const { client, url } = await stub(reset);
    enter("window", url);
    expect(String(await thrown(client({ retries: 0 }).runs.get("1")))).not.toContain("CORS_ORIGINS");
  });

  it("in a Worker, which has a WorkerGlobalScope and no origin", async () => {
    enter("WorkerGlobalScope");
    expect(await messageOf()).not.toContain("CORS_ORIGINS");
  });

  it("in a server runtime with a location", async () => {
    vi.stubGlobal("location", { origin: PAGE });
    expect(await messageOf()).not.toContain("CORS_ORIGINS");
  });

  it("after a timeout, because a blocked request fails at once", async () => {
    enter("window", PAGE);
    expect(await messageOf({ timeoutMs: 50 }, hang)).not.toContain("CORS_ORIGINS");
  });
});
