/** A command sees what the command before it changed: the environment's bookmark is kept in a file between them. */

import { once } from "node:events";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { bookmarkPath, keptBookmarks } from "../../src/cli/kept-bookmarks.ts";
import { type Settings, start } from "./command.ts";
import { cli } from "./in-process.ts";
import { type BadServer, badServer, json, RUN } from "./misbehaving.ts";

const TOKEN = "terr_a-token-that-is-in-no-file";
const MINUTE_MS = 60_000;
const id = (n: number) => `01a212de-000${n}-8d4${n}-a8a9-dd2c148ea617`;
const ofD1 = (database: number) => `${database}:00000001-00000000-00004f9e-${"a".repeat(32)}`;
const D1 = ofD1(0);

let server: BadServer;
let state: string;
/** The bookmark that the next responses carry. */
let answered: string | null;
/** What a response waits for. */
let answering: (line: string) => Promise<void>;

beforeAll(async () => {
  server = await badServer(async (request, response) => {
    const carried = answered === null ? {} : { "x-d1-bookmark": answered };
    await answering(`${request.method} ${request.url}`);
    if (request.method === "GET") json(response, 200, [], carried);
    else
      json(response, 201, { ...RUN, callback: { url: "x", token: "t", expiresAt: RUN.createdAt } }, carried);
  });
});
afterAll(() => server.close());
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), "action-runs-state-"));
  answered = null;
  answering = async () => {};
  return () => rmSync(state, { recursive: true });
});

const place = () => ({ baseUrl: server.url, org: "acme", project: "shop", env: "prod" });
const settings = (): Settings => ({
  ACTION_RUNS_URL: server.url,
  ACTION_RUNS_TOKEN: TOKEN,
  ACTION_RUNS_ORG: "acme",
  ACTION_RUNS_PROJECT: "shop",
  ACTION_RUNS_ENV: "prod",
  XDG_STATE_HOME: state,
});
const path = () => bookmarkPath(place(), settings());
const folder = () => dirname(path());
const kept = () =>
  (JSON.parse(readFileSync(path(), "utf8")).parts as { readonly text: string }[]).map(({ text }) => text);

function write(parts: unknown): void {
  mkdirSync(folder(), { recursive: true });
  writeFileSync(path(), typeof parts === "string" ? parts : JSON.stringify({ parts }));
}

async function create(bookmark: string | null, more: Settings = {}): Promise<void> {
  answered = bookmark;
  expect(await cli(["create", "deploy"], { ...settings(), ...more })).toMatchObject({ code: 0, stderr: "" });
}

/** The bookmark that a list sends. */
async function listed(bookmark: string | null, more: Settings = {}): Promise<unknown> {
  answered = bookmark;
  const ended = await cli(["list"], { ...settings(), ...more });
  expect(ended).toEqual({ code: 0, stdout: "[]\n", stderr: "" });
  return server.requests.at(-1)?.headers["x-d1-bookmark"];
}

describe("the bookmark of an environment", () => {
  test("goes from a create to the list of the next command, which removes what it settled", async () => {
    await create(id(0));
    await create(id(1));
    expect(await listed(D1)).toBe(id(1));
    expect(kept()).toEqual([D1]);
    expect(await listed(D1)).toBe(D1);
  });

  test("is a file that only its owner can read, without the token and the names", async () => {
    await create(id(0));
    expect(readdirSync(folder())).toEqual([path().slice(folder().length + 1)]);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    expect(statSync(folder()).mode & 0o777).toBe(0o700);
    const text = path() + readFileSync(path(), "utf8");
    for (const secret of [TOKEN, "acme", "shop", server.url]) expect(text).not.toContain(secret);
  });

  test("is not sent for another environment, project or server", async () => {
    await create(id(0));
    for (const other of [
      { ACTION_RUNS_ENV: "staging" },
      { ACTION_RUNS_PROJECT: "blog" },
      { ACTION_RUNS_URL: `${server.url}/behind` },
    ])
      expect(await listed(null, other)).toBeUndefined();
    expect(await listed(null)).toBe(id(0));
  });

  test("is forgotten after ten minutes, part by part", async () => {
    const now = Date.now();
    write([
      { text: ofD1(0), at: now - 11 * MINUTE_MS },
      { text: id(1), at: now - 8 * MINUTE_MS },
      { text: ofD1(2), at: now + 60 * MINUTE_MS },
    ]);
    expect(await listed(null)).toBe(id(1));
  });

  test.each([
    ["no JSON", "{"],
    ["nothing", ""],
    ["another shape", JSON.stringify([id(0)])],
    ["null", "null"],
    [
      "parts of another type",
      JSON.stringify({ parts: [null, 5, id(0), { text: 5, at: Date.now() }, { text: id(0) }] }),
    ],
    ["text that no header can carry", JSON.stringify({ parts: [{ text: "a\r\nb", at: Date.now() }] })],
  ])("is ignored and replaced if the file holds %s", async (_, text) => {
    write(text);
    expect(await listed(null)).toBeUndefined();
    await create(id(1));
    expect(kept()).toEqual([id(1)]);
  });

  test.each([
    ["can't be a folder", () => ({ XDG_STATE_HOME: "/dev/null" })],
    [
      "has a folder in the file's place",
      () => {
        mkdirSync(path(), { recursive: true });
        return {};
      },
    ],
    [
      "is read-only",
      () => {
        mkdirSync(folder());
        chmodSync(folder(), 0o500);
        return {};
      },
    ],
  ])("is not noticed if the state folder %s", async (_, make) => {
    const more = make();
    await create(id(0), more);
    await listed(D1, more);
    expect(
      readdirSync(state)
        .flatMap((one) => readdirSync(join(state, one)))
        .join(),
    ).not.toContain(".tmp");
  });

  test("keeps the parts of commands that get their responses at the same moment", async () => {
    const { promise: all, resolve } = Promise.withResolvers<void>();
    const parts = [ofD1(0), ofD1(1), ofD1(2), id(0)];
    let arrived = 0;
    answering = async () => {
      answered = parts[++arrived] ?? null;
      if (arrived === parts.length) resolve();
      await all;
    };
    answered = ofD1(0);
    const creates = parts.map(() => start(["create", "deploy"], settings()).ended);
    for (const ended of await Promise.all(creates)) expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(kept().sort()).toEqual([...parts].sort());
  });

  test("is updated by one command at a time", async () => {
    vi.stubEnv("XDG_STATE_HOME", state);
    onTestFinished(() => void vi.unstubAllEnvs());
    const steps = new Int32Array(new SharedArrayBuffer(8));
    const [go, done] = [0, 1];
    const code = `
      import { parentPort, workerData } from "node:worker_threads";
      const { module, place, steps, part } = workerData;
      const { keptBookmarks } = await import(module);
      parentPort.postMessage("ready");
      Atomics.wait(steps, ${go}, 0);
      keptBookmarks(place).update((held) => [...held, part]);
      Atomics.store(steps, ${done}, 1);
      Atomics.notify(steps, ${done});`;
    const module = new URL("../../src/cli/kept-bookmarks.ts", import.meta.url).href;
    const part = (database: number) => ({ text: ofD1(database), at: Date.now() });
    const workerData = { module, place: place(), steps, part: part(1) };
    const other = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), { workerData });
    await once(other, "message");
    keptBookmarks(place()).update((held) => {
      Atomics.store(steps, go, 1);
      Atomics.notify(steps, go);
      // Without a lock the other one ends in this time, and is overwritten.
      Atomics.wait(steps, done, 0, 50);
      return [...held, part(0)];
    });
    await once(other, "exit");
    expect(kept().sort()).toEqual([ofD1(0), ofD1(1)]);
  });

  test("is updated although a killed command left its lock, which is removed", async () => {
    await create(id(0));
    writeFileSync(`${path()}.lock`, "");
    await create(id(1));
    expect(kept()).toEqual([id(1)]);
    expect(readdirSync(folder())).toHaveLength(1);
  });

  test("keeps what another command reported while a list ran", async () => {
    await create(id(0));
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    answering = (line) => (line.startsWith("GET") ? released : Promise.resolve());
    const before = server.requests.length;
    answered = D1;
    const listing = start(["list"], settings()).ended;
    while (server.requests.length === before) await new Promise((then) => setTimeout(then, 1));
    // The same text.
    await create(id(0));
    answered = D1;
    release();
    expect(await listing).toMatchObject({ code: 0, stderr: "" });
    expect(kept()).toEqual([D1, id(0)]);
  });

  test.each([
    [{ XDG_STATE_HOME: "/xdg", HOME: "/home/me" }, "linux", "/xdg/action-runs"],
    [{ XDG_STATE_HOME: "relative", HOME: "/home/me" }, "linux", "/home/me/.local/state/action-runs"],
    [{ HOME: "/home/me" }, "darwin", "/home/me/.local/state/action-runs"],
    [{ LOCALAPPDATA: "/local", XDG_STATE_HOME: "/xdg" }, "win32", "/local/action-runs"],
  ] as const)("with %j on %s is kept in %s", (env, platform, expected) => {
    const file = bookmarkPath({ ...place(), baseUrl: "http://localhost" }, env, platform);
    expect(dirname(file)).toBe(expected);
    expect(file).toMatch(/\/bookmark-[0-9a-f]{32}\.json$/);
  });
});
