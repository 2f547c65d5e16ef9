/** The console's pages where people can sign in at an issuer, and where they can't. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sharedServer } from "../installation.ts";
import { newPeopleSite, type PeopleSite } from "./people-issuer.ts";

const NAME = `Ada's "ID" & <co> $& $1`;
const PAGES = ["/console", "/console/-/acme/shop/prod/runs", "/console/sign-in", "/console/cli?challenge=x&port=1"];

describe("a service with an issuer", () => {
  let site: PeopleSite;
  beforeAll(async () => {
    site = await newPeopleSite({ entry: { name: NAME } });
  });
  afterAll(() => site?.close());

  it.each(PAGES)("says in the page how the issuer is called: %s", async (path) => {
    const response = await fetch(`${site.origin}${path}`);
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("Content-Security-Policy")).toContain("form-action 'none'");
    expect(response.headers.get("Cache-Control")).toBe("no-cache");
    const page = await response.text();
    const [, content = ""] = /<meta name="sign-in" content="([^"]*)">/.exec(page) ?? [];
    expect(content).toBe("Ada&#39;s &quot;ID&quot; &amp; &lt;co&gt; $&amp; $1");
    // Otherwise it is the page of every service.
    const plain = await (await fetch(`${sharedServer("acme").origin}/console`)).text();
    expect(page.replace(/<meta name="sign-in".*>\n\s*/, "")).toBe(plain);
  });

  it("has an ETag of its own, which a proxy may mark as weak", async () => {
    const url = `${site.origin}/console`;
    const tag = (await fetch(url)).headers.get("ETag") ?? "";
    const plain = (await fetch(`${sharedServer("acme").origin}/console`)).headers.get("ETag") ?? "";
    expect(tag).toMatch(/^"[0-9a-f]{32}"$/);
    for (const [known, expected] of [
      [tag, 304],
      [`W/${tag}`, 304],
      [`"other", ${tag}`, 304],
      [plain, 200],
    ] as const) {
      const response = await fetch(url, { headers: { "If-None-Match": known } });
      expect([known, response.status]).toEqual([known, expected]);
      expect(response.headers.get("ETag")).toBe(tag);
      expect(response.headers.get("Content-Security-Policy")).toContain("default-src 'none'");
    }
    const head = await fetch(url, { method: "HEAD" });
    expect([head.status, head.headers.get("ETag"), await head.text()]).toEqual([200, tag, ""]);
  });
});

describe("a service without an issuer", () => {
  const { origin } = sharedServer("acme");

  it("has no page for a sign-in, and says why", async () => {
    for (const path of ["/console/sign-in", "/console/cli"]) {
      const response = await fetch(`${origin}${path}`);
      const body = { code: "not_found", error: expect.stringMatching(/^Nobody can sign in at an issuer here/) };
      expect([path, response.status, await response.json()]).toEqual([path, 404, body]);
    }
  });

  it("says nothing of one in its page", async () => {
    expect(await (await fetch(`${origin}/console`)).text()).not.toContain('name="sign-in"');
  });
});
