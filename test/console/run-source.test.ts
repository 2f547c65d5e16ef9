/** What the feed of changes means for the list that is shown. */

import { describe, expect, it } from "vitest";
import { createClient } from "../../src/client/index.ts";
import { type RunRow, rowOf } from "../../src/console/runs/run-row.ts";
import { createRunSource } from "../../src/console/runs/run-source.ts";
import type { Status } from "../../src/console/ui/statuses.ts";

/** A service without runs. */
const client = createClient({
  ...{ baseUrl: "http://127.0.0.1:8787", token: "t", org: "o", project: "p", env: "e" },
  fetch: async (request) => {
    const isSummary = new URL((request as Request).url).pathname.endsWith("/summary");
    const counts = { pending: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
    return Response.json(isSummary ? counts : []);
  },
});

const row = (n: number, status: Status): RunRow =>
  rowOf({
    ...{ id: `01a22236-ec08-8000-a28c-b4b6a9e74e0${n}`, actionName: "deploy", entityId: null, status },
    ...{ parameters: {}, recommendations: {}, triggeredBy: "ci", createdAt: new Date().toISOString() },
    ...{ startedAt: null, completedAt: null, error: null, output: null },
  });

describe("an empty list", () => {
  it("has its first runs once, and none by runs that do not belong to it", async () => {
    const source = createRunSource(client, new URLSearchParams("status=cancelled"));
    await source.read(new AbortController().signal);
    expect(source.listed()?.list.rows).toEqual([]);
    expect(source.tell([row(1, "pending"), row(2, "running")])).toBe(false);
    expect(source.tell([row(1, "cancelled")])).toBe(true);
    // The list is being read again. Another read would abort that one.
    expect(source.tell([row(2, "cancelled")])).toBe(false);
  });
});
