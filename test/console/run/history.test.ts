/** What the page of a run says of the runs around it: what differs, and which they are. */

import { expect, it } from "vitest";
import type { Schemas } from "../../../src/client/index.ts";
import { differencesOf, readHistory, wordsOf } from "../../../src/console/run/other-runs.tsx";
import { clientOf } from "../../client/stub.ts";
import { DETAILS, RUN } from "../../support/api/api-objects.ts";

it("compares objects member by member, and everything else as a whole", () => {
  const before = { version: "1", list: [1, 2], same: { a: {}, b: null }, gone: true, deep: { x: 1, "y.z": 2 } };
  const after = { deep: { "y.z": 3, x: 1 }, version: "2", list: [1, 3], same: { a: {}, b: null }, fresh: "" };
  expect(differencesOf(before, after)).toEqual({
    same: 3,
    changed: [
      { pointer: "/deep/y.z", name: "deep.y.z", before: "2", after: "3" },
      { pointer: "/version", name: "version", before: "1", after: "2" },
      { pointer: "/list", name: "list", before: "[1,2]", after: "[1,3]" },
      { pointer: "/fresh", name: "fresh", before: null, after: '""' },
      { pointer: "/gone", name: "gone", before: "true", after: null },
    ],
  });
});

it("shows values that read alike as JSON", () => {
  const { changed } = differencesOf({ port: "80" }, { port: 80 });
  expect(changed).toMatchObject([{ before: '"80"', after: "80" }]);
});

it.each([
  [{ version: "1.4.357" }, { version: "1.4.358" }, " with 1.4.357"],
  [{ branch: "feature/a-1" }, { branch: "main" }, " with feature/a-1"],
  [{ dryRun: true }, { dryRun: false }, " with dryRun true"],
  [{ replicas: 3 }, { replicas: 4 }, " with replicas 3"],
  [{}, { force: true }, " without force"],
  [{ note: "two words" }, { note: "" }, " with another note"],
  [{ note: "x".repeat(41) }, {}, " with another note"],
  [{ a: 1 }, { a: 1 }, " with the same parameters"],
  [{ a: 1, b: 1 }, { a: 2, b: 2 }, ""],
])("a run of %j before one of %j is named in words", (before, after, words) => {
  expect(wordsOf(differencesOf(before, after).changed)).toBe(words);
});

const run = (n: number, status: Schemas["ActionRun"]["status"]) => ({
  ...RUN,
  id: `01a22236-ec08-8000-a28c-b4b6a9e74${100 + n}`,
  status,
});

/** A service with a success and failures after it, whose database counts the failures as `counted`. */
async function failuresOf(failures: number, counted: number) {
  const runs = [run(0, "succeeded"), ...Array.from({ length: failures }, (_, n) => run(n + 1, "failed"))];
  const reader = clientOf(({ pathname, searchParams }) => {
    if (pathname.endsWith("/summary")) return Response.json({ failed: counted });
    const [status, limit] = [searchParams.get("status"), Number(searchParams.get("limit"))];
    const found = runs.filter((one) => status === null || one.status === status);
    const page = (searchParams.get("order") === "oldest" ? found : found.toReversed()).slice(0, limit);
    const headers: HeadersInit = page.length < found.length ? { Link: '</x?cursor=next>; rel="next"' } : {};
    return Response.json(page, { headers });
  });
  const last = run(failures + 1, "failed");
  return (await readHistory(reader, last, new AbortController().signal)).failures;
}

it("few failures are counted in a list, whatever the database counts", async () => {
  expect(await failuresOf(2, 1)).toBe(2);
  expect(await failuresOf(20, 1)).toBe(20);
});

it("many failures are counted by the database", async () => {
  expect(await failuresOf(21, 19)).toBe(19);
});

it("a run of a stored action has no history of runs that somebody sent under its name, and the reverse", async () => {
  const of = (source: "action" | "none") => ({ details: { ...DETAILS, source } });
  const all = [
    { ...run(0, "succeeded"), ...of("action") },
    { ...run(1, "failed"), ...of("action") },
    { ...run(2, "succeeded"), ...of("none") },
    { ...run(3, "failed"), ...of("none") },
    { ...run(5, "succeeded"), ...of("none") },
  ];
  const reader = clientOf(({ searchParams }) => {
    const status = searchParams.get("status");
    const found = all.filter((one) => status === null || one.status === status);
    return Response.json(searchParams.get("order") === "oldest" ? found : found.toReversed());
  });
  const history = async (source: "action" | "none") => {
    const { previous, next, lastSuccess, failures } = await readHistory(
      reader,
      { ...run(4, "failed"), ...of(source) },
      new AbortController().signal,
    );
    return [previous?.id, next?.id, lastSuccess?.id, failures];
  };
  const ids = all.map(({ id }) => id);
  expect(await history("action")).toEqual([ids[1], undefined, ids[0], 1]);
  expect(await history("none")).toEqual([ids[3], ids[4], ids[2], 1]);
});
