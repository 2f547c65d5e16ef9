/** What reads and the feed of changes mean for the list that is shown, and for its counts. */

import { describe, expect, it } from "vitest";
import { type RunRow, rowOf } from "../../../src/console/runs/run-list.ts";
import { createRunSource } from "../../../src/console/runs/run-source.ts";
import type { Status } from "../../../src/words/statuses.ts";
import { clientOf } from "../../client/stub.ts";
import { RUN } from "../../support/api/api-objects.ts";

const NONE = { pending: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };

/** A service without runs. */
const client = clientOf(({ pathname }) => Response.json(pathname.endsWith("/summary") ? NONE : []));

const row = (n: number, status: Status): RunRow =>
  rowOf({ ...RUN, id: `01a22236-ec08-8000-a28c-b4b6a9e74e0${n}`, status, createdAt: new Date().toISOString() });

describe("an empty list", () => {
  it("has its first runs once, and none by runs that do not belong to it", async () => {
    const source = createRunSource(client, new URLSearchParams("status=cancelled"));
    await source.read(new AbortController().signal);
    expect(source.listed()?.list.rows).toEqual([]);
    expect(source.update([row(1, "pending"), row(2, "running")])).toBe(false);
    expect(source.update([row(1, "cancelled")])).toBe(true);
    // The list is being read again. Another read would abort that one.
    expect(source.update([row(2, "cancelled")])).toBe(false);
  });
});

it("a list by text that found nothing is not searched again until somebody asks", async () => {
  const asked: string[] = [];
  const reader = clientOf(({ pathname, search }) => {
    asked.push(pathname + search);
    return Response.json([]);
  });
  const source = createRunSource(reader, new URLSearchParams("text=needle"));
  for (let polls = 0; polls < 3; polls++) await source.read(new AbortController().signal);
  expect([asked.length, source.isSettled()]).toEqual([1, true]);
  source.restart();
  await source.read(new AbortController().signal);
  expect(asked).toEqual(Array(2).fill(expect.stringContaining("text=needle")));
});

describe("the counts", () => {
  /** A service whose database is behind: it counts what the test says. */
  function behind(more: boolean) {
    const at = { rows: [] as RunRow[], counts: {}, asked: 0 };
    const reader = clientOf(({ pathname }) => {
      if (pathname.endsWith("/summary")) {
        at.asked++;
        return Response.json({ ...NONE, ...at.counts });
      }
      const headers: HeadersInit = more ? { Link: '</x?cursor=next>; rel="next"' } : {};
      return Response.json(at.rows, { headers });
    });
    const source = createRunSource(reader, new URLSearchParams());
    const poll = async () => (await source.read(new AbortController().signal)).counts;
    return { at, source, poll };
  }

  it("are those of the rows if the list has all runs, whatever the database counts", async () => {
    const { at, source, poll } = behind(false);
    at.rows = [row(2, "running"), row(1, "pending")];
    expect(await poll()).toEqual({ ...NONE, pending: 1, running: 1 });
    at.rows = [row(3, "pending"), row(2, "failed"), row(1, "pending")];
    for (let polls = 0; polls < 3; polls++) {
      expect(await poll()).toEqual({ ...NONE, pending: 2, failed: 1 });
    }
    source.take(row(1, "cancelled"));
    expect(source.listed()?.counts).toEqual({ ...NONE, pending: 1, failed: 1, cancelled: 1 });
    // More than a page: of still more, a poll would read only some.
    const many = Array.from({ length: 49 }, (_, n) => ({ ...row(9, "pending"), id: `02${n}` }));
    at.rows = [...many, ...at.rows];
    at.counts = { pending: 99 };
    for (let polls = 0; polls < 2; polls++) await poll();
    expect(await poll()).toEqual({ ...NONE, pending: 99 });
  });

  it("move with the rows, and are read again by the first poll after one that found nothing new", async () => {
    const { at, source, poll } = behind(true);
    at.rows = [row(2, "pending"), row(1, "running")];
    at.counts = { pending: 70 };
    expect(await poll()).toEqual({ ...NONE, pending: 70 });
    expect(source.isSettled()).toBe(false);
    at.counts = { pending: 69, running: 1 };
    expect(await poll()).toEqual({ ...NONE, pending: 70 });
    expect(await poll()).toEqual({ ...NONE, pending: 69, running: 1 });
    expect(source.isSettled()).toBe(true);

    at.rows = [row(2, "pending"), row(1, "succeeded")];
    expect(await poll()).toEqual({ ...NONE, pending: 69, succeeded: 1 });
    expect(source.isSettled()).toBe(false);
    at.rows = [row(2, "running"), row(1, "succeeded")];
    source.take(row(2, "running"));
    const moved = { ...NONE, pending: 68, running: 1, succeeded: 1 };
    expect([await poll(), at.asked]).toEqual([moved, 2]);
    at.counts = { pending: 67, running: 1, succeeded: 2 };
    expect([await poll(), at.asked]).toEqual([{ ...NONE, ...at.counts }, 3]);
    expect(source.isSettled()).toBe(true);
  });
});
