/** Short ids: the end of an id, where it is unambiguous. */

import { expect, test } from "vitest";
import { json, RUN } from "./misbehaving.ts";
import { service } from "./service.ts";

const PAGE = 200;
/** The id of run `n`, newest first. Ids end with the number. */
const idOf = (n: number) => `01a212de-9b55-8003-a8a9-dd2c${n.toString(16).padStart(8, "0")}`;

/** A service with so many runs. */
function withRuns(count: number, idAt = idOf) {
  return service(({ url = "", headers: { host } }, response) => {
    const { pathname, searchParams } = new URL(url, "http://x");
    if (!pathname.endsWith("/action-runs")) {
      return json(response, 200, { ...RUN, id: pathname.split("/")[6] });
    }
    const from = Number(searchParams.get("cursor") ?? 0);
    const runs = Array.from({ length: Math.min(PAGE, count - from) }, (_, index) => ({
      ...RUN,
      id: idAt(from + index),
    }));
    const link = { Link: `<http://${host}${pathname}?cursor=${from + PAGE}>; rel="next"` };
    json(response, 200, runs, from + PAGE < count ? link : {});
  });
}

test("get finds a run by the end of its id, in capitals too, among the newest 5000", async () => {
  const { server, run } = await withRuns(6000);
  const found = await run("get", "000012AB", "--json");
  expect(JSON.parse(found.stdout)).toMatchObject({ id: idOf(0x12ab) });
  expect((await run("get", "2c000012ab", "--json")).stdout).toBe(found.stdout);
  // 25 pages, and the run itself.
  expect(server.requests).toHaveLength(52);
  const tooOld = await run("get", idOf(5000).slice(-8));
  expect(tooOld).toMatchObject({ code: 4, stdout: "" });
  expect(tooOld.stderr).toContain("None of the newest 5000 runs has an id that ends with 00001388.");
});

test("a whole id, and what is no id at all, is sent as it is", async () => {
  const { server, run } = await withRuns(300);
  for (const id of [RUN.id, "other"]) expect((await run("get", id)).code).toBe(0);
  expect(server.requests.map(({ line }) => line.split("/").at(-1))).toEqual([RUN.id, "other"]);
});

test("an ambiguous one lists the runs with their whole ids", async () => {
  const ids = [0, 1, 2].map((n) => `${RUN.id.slice(0, -8)}${n}${RUN.id.slice(-7)}`);
  const { run } = await withRuns(3, (n) => ids[n] ?? "");
  const ambiguous = await run("get", "8EA617");
  expect(ambiguous).toMatchObject({ code: 2, stdout: "" });
  const lines = ambiguous.stderr.trimEnd().split("\n");
  expect(lines[0]).toMatch(/^RUN +STATUS +AGE +ACTION$/);
  expect(lines.slice(1, 4).map((line) => line.split(" ")[0])).toEqual(ids);
  expect(lines[4]).toBe("action-runs: 3 runs have ids that end with 8EA617. Use more of the id.");
});

test("one that is too short asks for nothing, and one that no run has is not found", async () => {
  const { server, run } = await withRuns(300);
  const short = await run("get", "0c");
  expect(short).toMatchObject({ code: 2, stdout: "" });
  expect(short.stderr).toContain("at least its last 6 characters");
  expect(server.requests).toEqual([]);
  const none = await run("watch", "fffffff0");
  expect(none).toMatchObject({ code: 4, stdout: "" });
  expect(none.stderr).toContain("None of the 300 runs here has an id that ends with fffffff0.");
});

test.each([["cancel"], ["retry"]])(
  "%s in a script needs the whole id, and sends nothing without it",
  async (command) => {
    const { server, run } = await withRuns(300);
    const refused = await run(command, "0000000c");
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain("A script must use the whole id");
    expect(server.requests).toEqual([]);
  },
);
