/** GET /: what programs and browsers get. */
import { expect, it } from "vitest";
import { ask } from "../support/requests.ts";

/** What Chromium sends when a person types an address. */
const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

it.each([
  ["GET", BROWSER],
  ["HEAD", BROWSER],
  ["GET", "text/html"],
])("leads a browser to the console: %s with Accept %s", async (method, accept) => {
  const { status, headers } = await ask(method, "/", { token: null, headers: { Accept: accept } });
  expect([status, headers.get("Location")]).toEqual([302, "/console"]);
  // A cache must not hand this response to a program.
  expect([headers.get("Vary"), headers.get("Cache-Control")]).toEqual(["Accept", "no-store"]);
});

it.each(["*/*", "application/json", "application/json, text/html;q=0.9", "image/png", ""])(
  "lists the endpoints for a program with Accept %j",
  async (accept) => {
    const { status, headers, body } = await ask<unknown>("GET", "/", { token: null, headers: { Accept: accept } });
    expect([status, headers.get("Vary")]).toEqual([200, "Accept"]);
    expect(body).toMatchObject({ name: "action-runs", console: "/console" });
  },
);
