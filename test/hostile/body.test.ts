import { exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { POINTER_MAX_CHARACTERS } from "../../src/base/limits.ts";
import { ask, type CreatedRun, createRun, newRunsPath, ROOT, report } from "../support/requests.ts";
import { everything } from "../support/rows.ts";
import { grantToken } from "../support/tokens.ts";

const runs = newRunsPath();
let run: CreatedRun;
let tokenId: string;
beforeAll(async () => {
  run = await createRun(runs);
  tokenId = (await grantToken("/acme/shop", { role: "viewer" })).id;
});

interface Route {
  readonly name: string;
  readonly url: () => string;
  /** ROOT_TOKEN by default. */
  readonly token?: () => string;
  /** A body that it takes. */
  readonly valid: string;
  /** What it takes besides, if it asks for nothing in particular. */
  readonly takes?: "an empty object" | "no body";
  /** Bodies that end the run all the same: test/runs/api/long-reports.test.ts. */
  readonly endsWith?: readonly string[];
  /** POST by default. */
  readonly method?: "PUT";
}

const onRun = (name: string, valid: string): Route => ({
  name,
  url: () => `${runs}/${run.id}/${name}`,
  valid,
  takes: "no body",
});
const beside = (name: string) => () => runs.replace(/action-runs$/, name);

const ROUTES: readonly Route[] = [
  { name: "create", url: () => runs, valid: '{"actionName":"deploy"}' },
  {
    name: "callback",
    url: () => run.callback.url,
    token: () => run.callback.token,
    valid: '{"status":"succeeded"}',
    endsWith: ["of 2 MB", "of 2 MB of spaces around it", "of 100 000 levels under a known key"],
  },
  { ...onRun("heartbeat", '{"message":"alive"}'), token: () => run.callback.token },
  onRun("cancel", '{"reason":"why"}'),
  onRun("approve", '{"reason":"why"}'),
  { name: "a pause", url: beside("pauses/prod"), valid: '{"reason":"why"}', method: "PUT" },
  {
    name: "a bulk operation",
    url: beside("bulk-operations"),
    valid: '{"operation":"cancel","runIds":["0199d2a5-0000-8000-8000-000000000000"],"reason":"why"}',
  },
  onRun("retry", '{"parameters":{}}'),
  {
    name: "a stored action",
    url: beside("actions/deploy"),
    valid: '{"description":"deploys"}',
    takes: "an empty object",
    method: "PUT",
  },
  { name: "a run of an action", url: beside("actions/deploy/runs"), valid: '{"parameters":{}}', takes: "no body" },
  { name: "tokens", url: () => "/acme/shop/tokens", valid: '{"name":"ci","role":"viewer"}' },
  {
    name: "a rotation",
    url: () => `/acme/shop/tokens/${tokenId}/rotate`,
    valid: '{"overlapSeconds":60}',
    takes: "no body",
  },
];

type Body = string | Uint8Array<ArrayBuffer> | ReadableStream;

async function send(route: Route, body: Body | null, contentType: string | null = "application/json") {
  const headers = new Headers({ Authorization: `Bearer ${route.token?.() ?? ROOT}` });
  if (contentType !== null) headers.set("Content-Type", contentType);
  // As bytes, or the runtime would add a content type of its own.
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const url = new URL(route.url(), "https://runs.example").href;
  const response = await exports.default.fetch(url, { method: route.method ?? "POST", headers, body: bytes });
  return { status: response.status, body: await response.json<{ pointer?: string }>() };
}

async function expectRefused(request: () => ReturnType<typeof send>, status: number, code: string) {
  const before = await everything();
  const {
    status: got,
    body: { pointer = "", ...body },
  } = await request();
  expect(body).toEqual({ error: expect.stringMatching(/^.{10,1500}$/s), code });
  // A body that is wrong as a whole, or that has such a long name, gets none.
  expect(pointer.length).toBeLessThanOrEqual(POINTER_MAX_CHARACTERS);
  expect(got).toBe(status);
  expect(await everything()).toEqual(before);
}

/** The valid body and one more member, which wins over an earlier one of that name. */
const withMember = (valid: string, name: string, value: string) => `${valid.slice(0, -1)},"${name}":${value}}`;
const nested = (levels: number, [open, close]: readonly [string, string]) => open.repeat(levels) + close.repeat(levels);

/** The valid body with more bytes at the end of its last value. */
function inLastString(valid: string, bytes: readonly number[]): Uint8Array<ArrayBuffer> {
  const encode = (text: string) => new TextEncoder().encode(text);
  return new Uint8Array([...encode(valid.slice(0, -2)), ...bytes, ...encode(valid.slice(-2))]);
}

function stream(megabytes: number): ReadableStream {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (sent++ === megabytes) controller.close();
      else controller.enqueue(new Uint8Array(1024 * 1024).fill(32));
    },
  });
}

const INVALID = ["invalid_body", 400] as const;
const TOO_LARGE = ["body_too_large", 413] as const;

const BODIES: readonly (readonly [string, (valid: string) => Body | null, string, number])[] = [
  ["none at all", () => null, ...INVALID],
  ["empty", () => "", ...INVALID],
  ["a NUL", () => "\0", ...INVALID],
  ["cut short", (valid) => valid.slice(0, -1), ...INVALID],
  ["followed by more", (valid) => `${valid}{}`, ...INVALID],
  ["with a trailing comma", (valid) => `${valid.slice(0, -1)},}`, ...INVALID],
  ["with NaN", (valid) => withMember(valid, "x", "NaN"), ...INVALID],
  ["with a raw control character", (valid) => withMember(valid, "x", '"\u0001"'), ...INVALID],
  ["null", () => "null", ...INVALID],
  ["an empty list", () => "[]", ...INVALID],
  ["a list of one", (valid) => `[${valid}]`, ...INVALID],
  ["an empty object", () => "{}", ...INVALID],
  ["with an unknown key", (valid) => withMember(valid, "colour", '"red"'), ...INVALID],
  ["with an empty key", (valid) => withMember(valid, "", "1"), ...INVALID],
  ["with half a surrogate pair for a key", (valid) => withMember(valid, "\\ud800", "1"), ...INVALID],
  ["with __proto__", (valid) => withMember(valid, "__proto__", '{"role":"owner"}'), ...INVALID],
  ["with a trigger of nothing", (valid) => withMember(valid, "trigger", "{}"), ...INVALID],
  [
    "with 50 000 unknown keys",
    (valid) => `${valid.slice(0, -1)}${Array.from({ length: 50_000 }, (_, i) => `,"key${i}":0`).join("")}}`,
    ...INVALID,
  ],
  ["with a key of 500 KB", (valid) => withMember(valid, "k".repeat(500_000), "1"), ...INVALID],
  ["of 65 levels of lists", () => nested(65, ["[", "]"]), ...INVALID],
  ["of 65 levels of objects", () => `${'{"a":'.repeat(64)}{}${"}".repeat(64)}`, ...INVALID],
  ["of 100 000 levels of lists", () => nested(100_000, ["[", "]"]), ...INVALID],
  ["of 100 000 levels of objects", () => `${'{"a":'.repeat(100_000)}0${"}".repeat(100_000)}`, ...INVALID],
  ["of 100 000 levels, never closed", () => "[".repeat(100_000), ...INVALID],
  [
    "of 100 000 levels under a known key",
    (valid) => withMember(valid, "output", nested(100_000, ["[", "]"])),
    ...INVALID,
  ],
  ["of 2 MB", (valid) => withMember(valid, "x", `"${"x".repeat(2_000_000)}"`), ...TOO_LARGE],
  ["of 2 MB of spaces around it", (valid) => " ".repeat(2_000_000) + valid, ...TOO_LARGE],
  ["of 5 MB, its length not told", () => stream(5), ...TOO_LARGE],
  ["of 64 MB, its length not told", () => stream(64), ...TOO_LARGE],
  ["in UTF-16", (valid) => new Uint8Array(Uint16Array.from(valid, (c) => c.charCodeAt(0)).buffer), ...INVALID],
  ["with a byte that is no UTF-8", (valid) => inLastString(valid, [0xff]), ...INVALID],
  ["with an overlong slash", (valid) => inLastString(valid, [0xc0, 0xaf]), ...INVALID],
  ["with a character cut short", (valid) => inLastString(valid, [0xe2, 0x82]), ...INVALID],
];

const TYPES: readonly (string | null)[] = [
  null,
  "",
  "text/plain",
  "text/json",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "application/jsonp",
  "application/vnd.api+json",
  "application/json, text/plain",
  "application/json; charset=utf-16",
  "application/json; charset",
  "application/json; boundary=x",
];

/** One validator reads the bodies of all routes. So the first route is tried with all, and the others with some. */
const TRIED_EVERYWHERE: readonly unknown[] = [
  "empty",
  "an empty list",
  "an empty object",
  "with an unknown key",
  "of 2 MB",
];

describe.each(ROUTES)("the body of $name", (route) => {
  const isFirst = route === ROUTES[0];
  const bodies = BODIES.filter(
    ([name]) =>
      (isFirst || TRIED_EVERYWHERE.includes(name)) &&
      !route.endsWith?.includes(name) &&
      !(route.takes !== undefined && name === "an empty object") &&
      !(route.takes === "no body" && (name === "none at all" || name === "empty")),
  );
  it.each(bodies)("%s is refused", async (_, body, code, status) => {
    await expectRefused(() => send(route, body(route.valid)), status, code);
  });

  it.each(isFirst ? TYPES : ["text/plain"])("sent as %s is refused", async (contentType) => {
    await expectRefused(() => send(route, route.valid, contentType), 415, "unsupported_media_type");
  });
});

describe("after all of these requests", () => {
  it("the run is still pending, and its token opens it", async () => {
    expect((await ask("GET", `${runs}/${run.id}`)).body.status).toBe("pending");
    expect((await report(run, { status: "succeeded" })).status).toBe(200);
  });

  it.each(["application/json", "Application/JSON; Charset=UTF-8", 'application/json;charset="utf-8"'])(
    "a valid body is accepted as %s, even after a byte order mark",
    async (contentType) => {
      for (const body of ['{"actionName":"deploy"}', '\ufeff{"actionName":"deploy"}']) {
        const route = { name: "create", url: () => runs, valid: "" };
        expect((await send(route, body, contentType)).status).toBe(201);
      }
    },
  );
});
