/** A trigger without `payload` sends everything that placeholders can reach, and never reads it as a template. */

import { describe, expect, it } from "vitest";
import { RENDERED_MAX_BYTES } from "../../src/base/limits.ts";
import { trigger } from "../../src/webhooks/trigger.ts";
import { renderTrigger } from "../../src/webhooks/trigger-requests.ts";

import { receiver } from "../support/receiver/client.ts";
import { grantToken } from "../support/tokens.ts";
import { fire, ORIGIN } from "./runs.ts";
import { contextWith } from "./template-context.ts";

const TRAPS = ["{{ run.callbackToken }}", "x {{run.callbackUrl}} y", "{{ oops", "{{ run.nothing }}", "}} {{ {{"];

it.each(TRAPS)("%s arrives unchanged from every place that a caller can fill", async (trap) => {
  const project = `/acme/p-${crypto.randomUUID().slice(0, 13)}`;
  const { token } = await grantToken(project, { role: "member", name: trap });
  const inputs = {
    parameters: { comment: trap, [trap]: { [trap]: [trap, { [trap]: trap }] } },
    recommendations: { list: [[trap]], [trap]: 1 },
  };
  const to = receiver();
  const { created } = await fire(
    to.url,
    {},
    { path: `${project}/envs/production/action-runs`, body: { ...inputs, actionName: trap }, options: { token } },
  );
  const [request] = await to.untilInbox(1);
  expect(JSON.parse(request?.body ?? "")).toEqual({
    run: {
      id: created.id,
      actionName: trap,
      triggeredBy: trap,
      createdAt: created.createdAt,
      callbackUrl: `${ORIGIN}${project}/envs/production/action-runs/${created.id}/callback`,
      callbackToken: created.callback.token,
      expiresAt: created.callback.expiresAt,
      timeoutSeconds: 3600,
      traceparent: null,
    },
    ...inputs,
    entity: { id: null },
  });
});

describe("the size of a context that is sent as a value", () => {
  const context = (comment: string) => contextWith({ comment });
  const bare = trigger.parse({ type: "webhook", url: "https://ci.example.com/" });
  const room = RENDERED_MAX_BYTES - JSON.stringify(context("")).length;

  it("may be 512 KiB of UTF-8", () => {
    const fits = renderTrigger(bare, context("\u00e4".repeat(room >> 1)));
    expect(fits.ok && new TextEncoder().encode(fits.value.body).byteLength).toBe(RENDERED_MAX_BYTES - (room & 1));
  });

  it("may not be more", () => {
    const over = renderTrigger(bare, context("\u00e4".repeat((room >> 1) + 1)));
    expect(over).toEqual({
      ok: false,
      error: {
        path: ["trigger", "payload"],
        message: expect.stringContaining(`more than ${RENDERED_MAX_BYTES} bytes`),
      },
    });
  });
});
