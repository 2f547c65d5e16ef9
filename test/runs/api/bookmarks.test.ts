/** The header `x-d1-bookmark` of answers: which answers carry it, what it names, and that nothing sent gets lost. */

import { describe, expect, it } from "vitest";
import { createAged, direct, mint } from "../../support/direct.ts";
import { faults } from "../../support/faults.ts";
import { landed } from "../../support/landed.ts";
import { type Ask, ask, type CreatedRun, newRunsPath } from "../../support/requests.ts";

const LOW = `0:00000000-00000000-00000000-${"0".repeat(32)}`;
const D1 = /^0:[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32}$/;

interface Told {
  readonly status: number;
  readonly parts: readonly string[];
}

/** Sends a request and a bookmark; the parts of the bookmark that comes back. */
async function told(method: string, url: string, sent: string, options: Ask = {}): Promise<Told> {
  const headers = { ...options.headers, "x-d1-bookmark": sent };
  const answer = await ask(method, url, { ...options, headers });
  const bookmark = answer.headers.get("x-d1-bookmark");
  return { status: answer.status, parts: bookmark === null ? [] : bookmark.split(".") };
}

async function create(path: string): Promise<CreatedRun> {
  return (await ask<CreatedRun>("POST", path, { body: { actionName: "deploy" } })).body;
}

describe("an answer about a run carries what the request sent and what D1 may lack", () => {
  const succeeded = { status: "succeeded" };
  it.each<[name: string, status: number, go: (path: string, run: CreatedRun, sent: string) => Promise<Told>]>(
    [
      ["a get", 200, (path, run, sent) => told("GET", `${path}/${run.id}`, sent)],
      ["a wait", 200, (path, run, sent) => told("GET", `${path}/${run.id}?wait=1`, sent)],
      ["a cancel", 200, (path, run, sent) => told("DELETE", `${path}/${run.id}`, sent)],
      [
        "a report",
        200,
        (_path, { callback: { url, token } }, sent) => told("POST", url, sent, { token, body: succeeded }),
      ],
      [
        "a late cancel",
        409,
        async (path, run, sent) => {
          await ask("DELETE", `${path}/${run.id}`);
          return told("DELETE", `${path}/${run.id}`, sent);
        },
      ],
      [
        "a late report",
        409,
        async (path, { id, callback: { url, token } }, sent) => {
          await ask("DELETE", `${path}/${id}`);
          return told("POST", url, sent, { token, body: succeeded });
        },
      ],
    ],
  )("%s", async (_name, status, go) => {
    const path = newRunsPath();
    faults.writes = "down";
    const run = await create(path);
    const answer = await go(path, run, LOW);
    expect(answer.status).toBe(status);
    expect([...answer.parts].sort()).toEqual([LOW, run.id].sort());
  });

  it("a create, whose run stands for those that were sent", async () => {
    const path = newRunsPath();
    faults.writes = "down";
    const sent = [await mint(path, Date.now()), await mint(path, Date.now()), LOW].join(",");
    const { body, headers } = await ask<CreatedRun>("POST", path, {
      body: { actionName: "deploy" },
      headers: { "x-d1-bookmark": sent },
    });
    expect(headers.get("x-d1-bookmark")).toBe(`${LOW}.${body.id}`);
  });

  it("D1's own bookmark instead of the run's id, once D1 has the run", async () => {
    const path = newRunsPath();
    const run = await create(path);
    await landed(path);
    const { parts } = await told("GET", `${path}/${run.id}`, LOW);
    expect(parts).toEqual([expect.stringMatching(D1)]);
    expect((parts[0] ?? "") > LOW).toBe(true);
    const greater = LOW.replace("0:0", "0:7");
    expect(await told("GET", `${path}/${run.id}`, `${LOW}, ${greater}`)).toEqual({
      status: 200,
      parts: [greater],
    });
  });
});

it("a list drops the run of its bookmark once it is settled, and keeps it while D1 takes no writes", async () => {
  const path = newRunsPath();
  const ids = [await createAged(path), await createAged(path)];
  expect(await told("GET", path, ids.join("."))).toEqual({ status: 200, parts: [expect.stringMatching(D1)] });
  faults.writes = "down";
  const late = await createAged(path);
  const behind = await told("GET", path, [...ids, late].join("."));
  expect(behind).toEqual({ status: 200, parts: [expect.stringMatching(D1), late] });
});

describe("no bookmark comes with", () => {
  it.each<[name: string, status: number, go: (path: string, sent: string) => Promise<Told>]>([
    [
      "a get of a missing run",
      404,
      (path, sent) => mint(path, 1e12).then((id) => told("GET", `${path}/${id}`, sent)),
    ],
    [
      "a cancel of a missing run",
      404,
      (path, sent) => mint(path, 1e12).then((id) => told("DELETE", `${path}/${id}`, sent)),
    ],
    ["a bad list", 400, (path, sent) => told("GET", `${path}?limit=0`, sent)],
    ["a bad create", 400, (path, sent) => told("POST", path, sent, { body: {} })],
    ["no token", 401, (path, sent) => told("GET", path, sent, { token: null })],
  ])("%s", async (_name, status, go) => {
    const path = newRunsPath();
    const sent = `${LOW}.${await mint(path, Date.now())}`;
    expect(await go(path, sent)).toEqual({ status, parts: [] });
  });
});

it("a coordinator that has nothing to land says what D1 has", async () => {
  const path = newRunsPath();
  await createAged(path);
  await landed(path);
  expect(await direct(path).upkeep.settle()).toEqual({
    isBehind: false,
    lacksRefused: false,
    bookmark: expect.stringMatching(D1),
    ...{ home: { database: 0, generation: 0 }, alsoIn: null },
  });
});
