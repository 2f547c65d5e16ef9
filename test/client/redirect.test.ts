/** No call follows a redirect, because its target would receive the token, and the body with a trigger's secrets. */

import { describe, expect, it } from "vitest";
import { ActionRunsError, type Client, callback } from "../../src/client/index.ts";
import { all, CREATED, json, page, RUN, stub, TOKEN, thrown } from "./stub.ts";

const TRIGGER = {
  type: "webhook",
  url: "https://ci.example.com/hooks",
  signingSecret: `whsec_${"A".repeat(43)}=`,
} as const;
const BODY = { actionName: "deploy", trigger: TRIGGER };
const ENVIRONMENT = { o: "acme", p: "shop", envName: "prod" };
const RUNS = "/{o}/{p}/envs/{envName}/action-runs";

const CALLS: readonly (readonly [string, (client: Client, url: string) => Promise<unknown>])[] = [
  ["client.api's POST", ({ api }) => api.POST(RUNS, { params: { path: ENVIRONMENT }, body: BODY })],
  ["client.api's GET", ({ api }) => api.GET(RUNS, { params: { path: ENVIRONMENT } })],
  [
    "client.api's DELETE that asks to follow",
    ({ api }) => api.DELETE(`${RUNS}/{id}`, { params: { path: { ...ENVIRONMENT, id: RUN.id } }, redirect: "follow" }),
  ],
  ["a create", ({ runs }) => runs.create(BODY)],
  ["a list", ({ runs }) => all(runs.list())],
  ["a watch", ({ runs }) => all(runs.watch(RUN.id))],
  ["a created token", ({ tokens }) => tokens.create({ name: "ci", role: "member" })],
  ["a report", (_, url) => callback(`${url}/x/callback`, TOKEN).succeed()],
];

describe.each(CALLS)("%s", (_, call) => {
  it.each([301, 302, 303, 307, 308])(
    "redirected to another origin by %i sends nothing there, and the error names the redirect",
    async (status) => {
      const elsewhere = await stub(json(201, CREATED));
      const api = await stub(page(status, "", { Location: `${elsewhere.url}/taken` }));
      const error = await thrown(call(api.client(), api.url));
      expect(elsewhere.asked).toEqual([]);
      expect(api.asked).toHaveLength(1);
      expect(error).toBeInstanceOf(ActionRunsError);
      expect(error).toMatchObject({ status, code: "unexpected_answer", message: expect.stringMatching(/redirect/i) });
      expect(String(error)).not.toContain(elsewhere.url);
    },
  );
});

it.each(CALLS.slice(0, 7))("%s names the redirect in a browser too, which hides its status", async (_, call) => {
  const { client, url, asked } = await stub(json(200, RUN));
  const seen: RequestRedirect[] = [];
  const error = await thrown(
    call(
      client({
        async fetch(input) {
          seen.push((input as Request).redirect);
          return Object.defineProperties(new Response(null), {
            type: { value: "opaqueredirect" },
            status: { value: 0 },
            ok: { value: false },
          });
        },
      }),
      url,
    ),
  );
  expect(seen).toEqual(["manual"]);
  expect(asked).toEqual([]);
  expect(error).toBeInstanceOf(ActionRunsError);
  expect(error).toMatchObject({ status: null, code: "unexpected_answer", message: expect.stringMatching(/redirect/i) });
  expect(String(error)).not.toContain("status 0");
});
