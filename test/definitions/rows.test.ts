import { expect, it } from "vitest";
import { newActionsPath, put, triggerAt } from "../actions/actions.ts";
import { faults } from "../support/faults.ts";

async function rowsOf(go: () => Promise<unknown>): Promise<number> {
  const before = faults.rowsWritten;
  await go();
  return faults.rowsWritten - before;
}

it("a change writes few rows, and only webhook endpoints pay for the index of their authors", async () => {
  const actions = newActionsPath();
  const endpoints = actions.replace(/actions$/, "webhook-endpoints");
  const hook = { url: "https://hooks.example.com/x", events: ["action_run.*"] };
  const rows = [
    await rowsOf(() => put(`${actions}/plain`, {})),
    await rowsOf(() => put(`${actions}/plain`, { timeout: 1 })),
    await rowsOf(() => put(`${actions}/secret`, { trigger: triggerAt("https://ci.example.com/") })),
    await rowsOf(() => put(`${endpoints}/a`, hook)),
    await rowsOf(() => put(`${endpoints}/a`, hook)),
  ];
  expect(rows).toEqual([6, 8, 7, 8, 10]);
});
