/** A caller that changes and lists, as fast as it can, while others change runs of the same environment. */

import { expect, test } from "vitest";
import { type ActionRun, ask, type CreatedRun } from "./load.ts";
import { sharedPlace } from "./place.ts";

const ROUNDS = 500;
const OTHERS = 4;

test("without a bookmark, a list shows the change before it, 1000 times in a row, while others create", async () => {
  const { token, runs } = sharedPlace("list-after-change");
  const create = async (actionName: string) =>
    (await ask<CreatedRun>("POST", runs, { token, body: { actionName } })).body;
  const newest = async (query: string) =>
    (await ask<ActionRun[]>("GET", `${runs}?limit=1&${query}`, { token })).body.map(({ id }) => id);
  let isOver = false;
  const others = Array.from({ length: OTHERS }, async () => {
    while (!isOver) await create("noise");
  });
  try {
    for (let n = 0; n < ROUNDS; n++) {
      const { id, callback } = await create("deploy");
      expect(await newest("actionName=deploy")).toEqual([id]);
      const isReported = n % 2 === 0;
      if (isReported)
        await ask("POST", callback.url, { token: callback.token, body: { status: "succeeded" } });
      else await ask("DELETE", `${runs}/${id}`, { token });
      expect(await newest(`status=${isReported ? "succeeded" : "cancelled"}`)).toEqual([id]);
    }
  } finally {
    isOver = true;
    await Promise.all(others);
  }
});
