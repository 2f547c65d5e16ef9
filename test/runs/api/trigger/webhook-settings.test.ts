/** In development, a refused webhook names the setting that would allow it. */

import { describe, expect, it } from "vitest";
import { guardUrl, type UrlPolicy } from "../../../../src/settings/url-guard.ts";
import { askWith, envWith } from "../../../support/bindings.ts";
import { newRunsPath } from "../../../support/requests.ts";
import type { Refusal } from "../../../support/tokens.ts";

const ADVICE = "ALLOW_INSECURE_WEBHOOKS=true";
const HERE = ["http://localhost:8787", "http://127.0.0.1:8787", "http://[::1]:8787"];

async function refusalOf(origin: string, url: string, settings = { PUBLIC_URL: "" }): Promise<string> {
  const body = { actionName: "deploy", trigger: { type: "webhook", url } };
  const path = `${origin}${newRunsPath()}`;
  const answer = await askWith<Refusal>(envWith(settings), "POST", path, { body });
  expect(answer.status).toBe(400);
  return answer.body.error;
}

describe("a create is refused with the setting that would allow it", () => {
  it.each(HERE)("at %s, for http and for loopback", async (origin) => {
    for (const url of ["http://ci.example.com/", "http://localhost:9000/", "https://127.0.0.1:9000/"]) {
      expect(await refusalOf(origin, url)).toMatch(/ALLOW_INSECURE_WEBHOOKS=true.*\.dev\.vars.*restart/);
    }
  });

  it("not at a public name", async () => {
    for (const url of ["http://ci.example.com/", "http://localhost:9000/"]) {
      const settings = { PUBLIC_URL: "https://runs.example" };
      expect(await refusalOf("https://runs.example", url, settings)).not.toContain("ALLOW_INSECURE");
    }
  });

  it.each(["ftp://ci.example.com/", "https://10.0.0.1/", "https://user@localhost/", "http://localhost:8787/"])(
    "not for %s, which the setting would not allow",
    async (url) => {
      expect(await refusalOf("http://localhost:8787", url)).not.toContain("ALLOW_INSECURE");
    },
  );
});

describe("a guard advises the setting", () => {
  const policy: UrlPolicy = { ports: new Set(), hosts: null, ownHosts: ["localhost:8787"], insecure: false };
  const sentenceOf = (more: Partial<UrlPolicy>) => {
    const judged = guardUrl("http://localhost:9000/", { ...policy, ...more });
    return judged.ok ? null : judged.error;
  };

  it("where all names of the service are loopback", () => {
    expect(sentenceOf({})).toContain(ADVICE);
  });

  it.each<[string, Partial<UrlPolicy>]>([
    ["one of them is public", { ownHosts: ["localhost:8787", "runs.example.com"] }],
    ["none is known", { ownHosts: [] }],
    ["the host list would still refuse", { hosts: ["ci.example.com"] }],
  ])("but not where %s", (_what, more) => {
    expect(sentenceOf(more)).not.toContain(ADVICE);
  });
});
