/**
 * Fills a server with runs that wait: for approval, for their time, in a concurrency queue and for the end of a pause.
 */

import type { Client } from "../client/index.ts";

const HOUR_MS = 3_600_000;
/** Nobody answers there. So a run that is released stays in its queue while the service tries again. */
const URL = "http://127.0.0.1:9/deploy/{{ parameters.version }}";

/** `person`: creates the runs, so that the operator may approve them. */
export async function seedGates(operator: Client, person: Client): Promise<void> {
  const trigger = {
    type: "webhook" as const,
    url: URL,
    headers: { Authorization: "Bearer {{ secrets.ci }}" },
    secrets: { ci: "an-example-secret" },
    payload: { version: "{{ parameters.version }}" },
  };
  const parametersSchema = { properties: { version: { type: "string" }, service: { type: "string" } } };
  const key = "{{ parameters.service }}";
  await operator.actions.put("release", {
    description: "Releases a service. Two people must approve it.",
    trigger,
    parametersSchema,
    approval: { required: 2 },
    concurrency: { group: "releases", key },
  });
  await operator.actions.put("migrate", {
    description: "Migrates the database, one run at a time.",
    trigger,
    parametersSchema,
    concurrency: { group: "database" },
  });
  await operator.actions.put("resize", { trigger, parametersSchema, concurrency: { group: "cluster" } });
  const freeze = { reason: "the cluster is being moved", until: later(3) };
  await operator.pauses.put("cluster", freeze);
  const run = (name: string, more = {}) =>
    person.actions.run(name, { parameters: { version: "1.4.2", service: "checkout" }, ...more });
  await run("resize");
  for (let count = 0; count < 3; count++) await run("migrate");
  await run("migrate", { notBefore: later(9) });
  await run("release");
}

function later(hours: number): string {
  return new Date(Date.now() + hours * HOUR_MS).toISOString();
}
