import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { VERSIONS_MAX_BYTES } from "../../src/base/limits.ts";
import { newActionsPath, put, triggerAt } from "../actions/actions.ts";
import { faults } from "../support/faults.ts";
import { ask } from "../support/requests.ts";

async function rowsOf(go: () => Promise<unknown>): Promise<number> {
  const before = faults.rowsWritten;
  await go();
  return faults.rowsWritten - before;
}

it("a change writes few rows", async () => {
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
  expect(rows).toEqual([8, 10, 9, 9, 11]);
});

it("old versions of webhook endpoints take no room from those of actions", async () => {
  const actions = newActionsPath();
  const endpoint = `${actions.replace(/actions$/, "webhook-endpoints")}/chat`;
  const stored = async () => {
    const { body } = await ask<readonly { readonly version: number }[]>("GET", `${actions}/deploy/versions`);
    return body.map(({ version }) => version);
  };
  for (let n = 1; n <= 2; n++) {
    await put(`${actions}/deploy`, { timeout: n });
    await put(endpoint, { url: `https://hooks.example.com/${n}`, events: ["action_run.*"] });
  }
  const before = await stored();
  await env.DB.prepare("UPDATE definition_versions SET bytes = ? WHERE kind = 'webhook_endpoint'")
    .bind(VERSIONS_MAX_BYTES)
    .run();
  await put(`${actions}/deploy`, { timeout: 3 });
  expect(await stored()).toEqual([expect.any(Number), ...before]);
  expect(before).toHaveLength(2);
});
