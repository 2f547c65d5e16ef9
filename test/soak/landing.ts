/**
 * The end of a soak. D1 is well and nobody sends a request: every acknowledged version must land by itself. Then each row
 * of D1 must equal what a get of that run shows.
 */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { ask, urlOf } from "./requests.ts";
import { type ActionRun, type Details, stepOf } from "./run-model.ts";
import type { Stage } from "./stage.ts";

const LANDED_WITHIN_MS = 15_000;
const POLL_MS = 500;
const READERS = 32;

interface Row {
  readonly scope: string;
  readonly id: string;
  readonly body: string;
  readonly details: string;
  /** What a list by label would find: a sorted JSON array. */
  readonly labels: string;
}

const SELECT = `
  SELECT scope, id, body, details, coalesce((
    SELECT json_group_array(label ORDER BY label) FROM run_labels AS found
    WHERE found.scope = runs.scope AND found.id = runs.id
  ), '[]') AS labels
  FROM runs`;

/** Reads D1's file. No request is sent. */
function readRows(state: string): Map<string, Row> {
  const folder = join(state, "d1/miniflare-D1DatabaseObject");
  const file = readdirSync(folder).find((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
  const db = new DatabaseSync(join(folder, file ?? ""), { readOnly: true, timeout: 5000 });
  try {
    const rows = db.prepare(SELECT).all() as unknown as Row[];
    return new Map(rows.map((row) => [row.id, row]));
  } finally {
    db.close();
  }
}

/** Returns how long the last row took to land; null if some never did. */
export async function checkLanding(stage: Stage): Promise<number | null> {
  const { runs, record, site } = stage;
  const quietSince = Date.now();
  const missing = () => {
    const rows = readRows(site.state);
    return [...runs.values()].filter(({ model }) => {
      const row = rows.get(model.id);
      return row === undefined || stepOf((JSON.parse(row.body) as ActionRun).status) < model.step;
    });
  };
  let left = missing();
  while (left.length > 0 && Date.now() - quietSince < LANDED_WITHIN_MS) {
    await delay(POLL_MS);
    left = missing();
  }
  const tookMs = Date.now() - quietSince;
  const rows = readRows(site.state);
  for (const { model, story } of left) {
    const row = rows.get(model.id)?.body ?? "no row";
    record.violation(`NOT LANDED: D1 has ${row}, step ${model.step} was known`, story, quietSince);
  }
  return left.length > 0 ? null : tookMs;
}

/** Asks for each run that D1 has, in one isolate or the other. Returns how many runs D1 has. */
export async function compareWithGets({ runs, record, site }: Stage): Promise<number> {
  let rows = readRows(site.state);
  const creates = new Map<string, string>();
  for (const { id, body, details, labels } of rows.values()) {
    if (JSON.stringify((JSON.parse(details) as Details).labels) !== labels)
      record.violation(`LABELS LOST: ${id} has ${labels}, and not those of ${details}`, [], Date.now());
    const { parameters } = JSON.parse(body) as { readonly parameters: { readonly create: string } };
    const other = creates.get(parameters.create);
    if (other !== undefined)
      record.violation(`TWO RUNS: one create made ${other} and ${id}`, runs.get(id)?.story ?? [], Date.now());
    creates.set(parameters.create, id);
  }
  const since = Date.now();
  const different = new Map<string, string>();
  const queue = [...rows.keys()].values();
  let n = 0;
  const compare = async (id: string) => {
    const { scope, body, details } = rows.get(id) ?? { scope: "", body: "", details: "" };
    const url = urlOf(
      site.origins[n++ % site.origins.length] ?? "",
      scope,
      `action-runs/${id}?include=details`,
    );
    const answer = await ask({ method: "GET", url, token: site.rootToken });
    if (answer?.status !== 200) {
      different.set(id, `D1 has ${body}, a get was answered with ${answer?.status}`);
      return;
    }
    const { details: got, ...run } = answer.body as ActionRun & { readonly details: Details };
    const shown = `${JSON.stringify(run)} ${JSON.stringify({ ...got, heartbeat: null })}`;
    if (shown === `${body} ${details}`) different.delete(id);
    else different.set(id, `D1 has ${body} ${details}, a get shows ${shown}`);
    const known = runs.get(id);
    if (known === undefined) return;
    const { model, story } = known;
    for (const verdict of [model.shown(run, model.step, Date.now()), model.detailed(got, model.wasAsked)])
      if (verdict !== null) record.violation(verdict, story, since);
  };
  await Promise.all(
    Array.from({ length: READERS }, async () => {
      for (const id of queue) await compare(id);
    }),
  );
  // A run's deadline may have passed between the row and the get. Its end must land as well.
  const comparedAt = Date.now();
  while (different.size > 0 && Date.now() - comparedAt < LANDED_WITHIN_MS) {
    await delay(POLL_MS);
    rows = readRows(site.state);
    for (const id of [...different.keys()]) await compare(id);
  }
  for (const [id, sentence] of different)
    record.violation(`D1 DIFFERS: ${sentence}`, runs.get(id)?.story ?? [], since);
  return rows.size;
}
