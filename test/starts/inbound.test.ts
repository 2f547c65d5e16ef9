/** An event of another product starts an action: what proves it, what it becomes, and when it is the same event again. */

import { describe, expect, it } from "vitest";
import { givenInbound, runOf, send } from "./events.ts";

describe("an event", () => {
  it("starts a run of the action for whoever stored it, and the sender hears its id alone", async () => {
    const { runs, url } = await givenInbound();
    const answer = await send(url, { ref: "main" });
    expect(answer.body).toEqual({ id: expect.any(String) });
    const run = await runOf(runs, answer);
    expect(run).toMatchObject({
      actionName: "deploy",
      parameters: { event: { ref: "main" } },
      triggeredBy: "root",
      details: { via: "inbound", schedule: null },
    });
  });
});
