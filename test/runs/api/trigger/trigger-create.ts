/** Creating with a trigger where nothing can be made or called: what is well-formed gets as far as a coordinator. */

import type { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { Env } from "../../../../src/settings/env.ts";
import { askWith, envWith, untouchable } from "../../../support/bindings.ts";
import { newRunsPath } from "../../../support/requests.ts";

export const PATH = newRunsPath();
export const WEBHOOK = { type: "webhook", url: "https://ci.example.com/hooks/1" };

interface Refusal {
  readonly error: string;
  readonly code: string;
  readonly pointer?: string;
}

/** The answer, and what was tried with any binding that could make something. */
export async function create(body: Record<string, unknown>, settings: Partial<Env> = {}, path = PATH) {
  const db = untouchable<D1Database>("DB");
  const coordinators = untouchable<typeof env.COORDINATORS>("COORDINATORS");
  const bindings = envWith({ DB: db.binding, COORDINATORS: coordinators.binding, ...settings });
  const sent = { body: { actionName: "deploy", ...body } };
  const { status, body: told } = await askWith<Refusal>(bindings, "POST", path, sent);
  // The pointer leads to the member that the sentence names: in front, or as an unknown one at the end.
  const steps = told.pointer?.slice(1).split("/") ?? [];
  const named = steps.map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~")).join(".");
  const isNamed = told.error.includes("Unrecognized key") || told.error.startsWith(named.slice(0, 100));
  expect([isNamed, told]).toEqual([true, told]);
  return { status, code: told.code, error: told.error, uses: [...db.uses, ...coordinators.uses] };
}

/** 400 whose sentence begins with `start`, the place that is at fault, and nothing was asked. */
export async function expectRefused(
  body: Record<string, unknown>,
  start: string,
  settings: Partial<Env> = {},
  path = PATH,
): Promise<void> {
  const { error, ...answer } = await create(body, settings, path);
  expect({ ...answer, error: error.slice(0, start.length) }).toEqual({
    status: 400,
    code: "invalid_body",
    error: start,
    uses: [],
  });
}

/** Found well-formed: a coordinator was to be asked, and it is only that there is none. */
export async function expectTaken(
  body: Record<string, unknown>,
  settings: Partial<Env> = {},
  path = PATH,
): Promise<void> {
  const { uses, ...answer } = await create(body, settings, path);
  expect(answer).toMatchObject({ status: 503, code: "coordinator_unavailable" });
  expect(new Set(uses)).toEqual(new Set(["COORDINATORS.getByName"]));
}
