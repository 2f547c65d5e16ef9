/** How many failures the history of a run counts since the last success. */

import { expect, it } from "vitest";
import { createClient, type Schemas } from "../../src/client/index.ts";
import { readHistory } from "../../src/console/run/history-section.tsx";

const run = (n: number, status: Schemas["ActionRun"]["status"]) => ({
  id: `01a22236-ec08-8000-a28c-b4b6a9e74${100 + n}`,
  actionName: "deploy",
  entityId: null,
  status,
  parameters: {},
  recommendations: {},
  triggeredBy: "ci",
  startedAt: null,
  completedAt: null,
  createdAt: "2026-11-30T12:00:00.000Z",
  error: null,
  output: null,
});

/** A service with a success and failures after it, whose database counts the failures as `counted`. */
async function failuresOf(failures: number, counted: number) {
  const runs = [run(0, "succeeded"), ...Array.from({ length: failures }, (_, n) => run(n + 1, "failed"))];
  const reader = createClient({
    baseUrl: "http://127.0.0.1:8787",
    token: "t",
    org: "o",
    project: "p",
    env: "e",
    retries: 0,
    fetch: async (request) => {
      const { pathname, searchParams } = new URL((request as Request).url);
      if (pathname.endsWith("/summary")) return Response.json({ failed: counted });
      const [status, limit] = [searchParams.get("status"), Number(searchParams.get("limit"))];
      const found = runs.filter((one) => status === null || one.status === status);
      const page = (searchParams.get("order") === "oldest" ? found : found.toReversed()).slice(0, limit);
      const headers: HeadersInit = page.length < found.length ? { Link: '</x?cursor=next>; rel="next"' } : {};
      return Response.json(page, { headers });
    },
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
