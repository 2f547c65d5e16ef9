/** A body gets the same response with and without Content-Length, and a missing query counts as empty. */

import { exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { BODY_DRAIN_BYTES, BODY_MAX_BYTES } from "../../src/base/limits.ts";
import { ask, createRun, newRunsPath, ROOT, report } from "../support/requests.ts";
import { beat } from "../support/runs/stream.ts";
import { grantToken, newProject } from "../support/tokens.ts";

const encoder = new TextEncoder();
/** Not a multiple of 3, so that chunks cut characters of 3 bytes. */
const CHUNK_BYTES = 65_536;

function chunked(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (sent < bytes.length) controller.enqueue(bytes.slice(sent, sent + CHUNK_BYTES));
      else controller.close();
      sent += CHUNK_BYTES;
    },
  });
}

interface Answered {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function send(path: string, method: string, body: BodyInit, length?: number): Promise<Answered> {
  const response = await exports.default.fetch(`https://runs.example${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${ROOT}`,
      "Content-Type": "application/json",
      ...(length === undefined ? {} : { "Content-Length": String(length) }),
    },
    body,
  });
  return { status: response.status, body: await response.json() };
}

/** Without the members that differ from run to run. */
function comparable({ status, body }: Answered): Answered {
  const { id: _id, createdAt: _at, callback: _callback, ...rest } = body;
  return { status, body: rest };
}

/** A create request of so many bytes. */
function ofBytes(bytes: number): Uint8Array {
  const text = '{"actionName":"deploy"';
  return encoder.encode(`${text}${" ".repeat(bytes - text.length - 1)}}`);
}

function withBytes(...bytes: number[]): Uint8Array {
  const [before, after] = ['{"actionName":"', '"}'].map((text) => encoder.encode(text));
  return Uint8Array.from([...(before ?? []), ...bytes, ...(after ?? [])]);
}

const BODIES: readonly [name: string, bytes: Uint8Array, status: number, code?: string][] = [
  ["valid", encoder.encode('{"actionName":"déploy €😀","parameters":{"a":[1]}}'), 201],
  [
    "of many-byte characters cut by every chunk",
    encoder.encode(`{"actionName":"x","parameters":{"t":"${"€".repeat(60_000)}"}}`),
    201,
  ],
  ["empty", new Uint8Array(), 400, "invalid_body"],
  ["only blank", encoder.encode("  "), 400, "invalid_body"],
  ["with a byte order mark", Uint8Array.from([0xef, 0xbb, 0xbf, ...encoder.encode('{"actionName":"x"}')]), 201],
  ["of exactly the limit", ofBytes(BODY_MAX_BYTES), 201],
  ["of one byte more", ofBytes(BODY_MAX_BYTES + 1), 413, "body_too_large"],
  ["of all that is read before an answer", ofBytes(BODY_MAX_BYTES + BODY_DRAIN_BYTES), 413, "body_too_large"],
  ["of more than is read before an answer", ofBytes(BODY_MAX_BYTES + BODY_DRAIN_BYTES + 1), 413, "body_too_large"],
  ["with a byte that is no UTF-8", withBytes(0xff), 400, "invalid_body"],
  ["with a character that is cut off", withBytes(0xe2, 0x82), 400, "invalid_body"],
  ["with half a surrogate pair, encoded", withBytes(0xed, 0xa0, 0x80), 400, "invalid_body"],
  ["cut off in the middle", encoder.encode('{"actionName":"dep'), 400, "invalid_body"],
];

describe("a body", () => {
  it.each(BODIES)("%s gets the same response with and without Content-Length", async (_name, bytes, status, code) => {
    const path = newRunsPath();
    const answers = [
      await send(path, "POST", bytes as Uint8Array<ArrayBuffer>, bytes.length),
      await send(path, "POST", chunked(bytes)),
      await send(path, "POST", new Blob([bytes as Uint8Array<ArrayBuffer>])),
    ].map(comparable);
    expect(answers[0]?.status).toBe(status);
    if (code !== undefined) expect(answers[0]?.body.code).toBe(code);
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  it("that is missing although it is required gets a sentence that says so", async () => {
    const path = newRunsPath();
    for (const none of [new Uint8Array(), chunked(new Uint8Array())]) {
      const { body } = await send(path, "POST", none);
      expect(body).toEqual({ error: "The body is empty. Send one JSON object.", code: "invalid_body" });
    }
  });
});

/** What clients send with a POST that has no body. */
const TYPES_OF_NOTHING: readonly (string | null)[] = [
  // curl -X POST, requests, fetch
  null,
  "",
  // axios, curl -d '', wget --post-data='', urllib, LWP, PowerShell
  "application/x-www-form-urlencoded",
  "application/x-www-form-urlencoded; charset=utf-8",
  // HTTPie, and Go's http.Post as its callers write it
  "application/json",
  "application/json; charset=utf-8",
  "application/json;charset=iso-8859-1",
  "text/plain",
  "text/plain;charset=UTF-8",
  // Postman, and libraries that send bytes
  "multipart/form-data; boundary=x",
  "application/octet-stream",
  "application/vnd.api+json",
  "nonsense",
];

describe("a body that is optional", () => {
  it.each(TYPES_OF_NOTHING)("can have no bytes, sent as %j", async (type) => {
    const path = newRunsPath();
    const project = newProject();
    const running = await createRun(path);
    await beat(running);
    const ended = await createRun(path);
    await report(ended, { status: "succeeded" });
    const actions = path.replace(/action-runs$/, "actions");
    await ask("PUT", `${actions}/deploy`, { body: {} });
    const { id: tokenId } = await grantToken(project, { role: "viewer" });
    const callbackToken = running.callback.token;
    const requests: readonly (readonly [url: string, token: string, status: number])[] = [
      [`${path}/${running.id}/heartbeat`, callbackToken, 200],
      [`${path}/${running.id}/cancel`, ROOT, 202],
      [`${path}/${ended.id}/retry`, ROOT, 201],
      [`${actions}/deploy/runs`, ROOT, 201],
      [`${project}/tokens/${tokenId}/rotate`, ROOT, 200],
    ];
    for (const [url, token, status] of requests) {
      for (const [length, raw] of [
        ["0", null],
        ["0", new Uint8Array()],
        [null, chunked(new Uint8Array())],
      ] as const) {
        const headers = new Headers({ Authorization: `Bearer ${token}` });
        if (type !== null) headers.set("Content-Type", type);
        if (length !== null) headers.set("Content-Length", length);
        const response = await exports.default.fetch(`https://runs.example${url}`, {
          method: "POST",
          headers,
          body: raw,
        });
        expect([url, length, response.status]).toEqual([url, length, status]);
      }
    }
  });
});

describe("a missing query", () => {
  it("gets the same response as an empty query", async () => {
    const path = newRunsPath();
    await Promise.all(Array.from({ length: 52 }, () => createRun(path)));
    const [run] = (await ask<{ id: string }[]>("GET", path)).body;
    for (const url of [path, `${path}/${run?.id}`, `${path}/${run?.id}/events`, `${newProject()}/tokens`]) {
      const none = await ask<unknown>("GET", url);
      expect(none.status).toBe(200);
      for (const empty of ["?", "?&"]) {
        const other = await ask<unknown>("GET", `${url}${empty}`);
        expect([other.status, other.body, linkOf(other.headers)]).toEqual([
          none.status,
          none.body,
          linkOf(none.headers),
        ]);
      }
    }
    const page = await ask<unknown[]>("GET", path);
    expect(page.body).toHaveLength(50);
    expect(linkOf(page.headers)).toMatch(/cursor=/);
  });

  it("does not reuse the query of an earlier request", async () => {
    const path = newRunsPath();
    for (let n = 0; n < 3; n++) await createRun(path);
    const whole = await ask<unknown[]>("GET", path);
    expect(whole.body).toHaveLength(3);
    expect((await ask<unknown[]>("GET", `${path}?limit=1&status=pending`)).body).toHaveLength(1);
    expect((await ask<unknown[]>("GET", `${path}?status=failed`)).body).toEqual([]);
    expect((await ask("GET", `${path}?limit=0`)).status).toBe(400);
    expect((await ask<unknown[]>("GET", path)).body).toEqual(whole.body);
  });
});

function linkOf(headers: Headers): string | null {
  return headers.get("Link");
}
