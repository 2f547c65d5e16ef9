/** The table of runs: a statement for each request. */

import type { Sql } from "postgres";

/** The fields of ActionRun. Instants print as RFC 3339. */
export interface ActionRun {
  readonly id: string;
  readonly actionName: string;
  readonly entityId: string | null;
  readonly status: string;
  readonly parameters: unknown;
  readonly recommendations: unknown;
  readonly triggeredBy: string;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly completedAt: Date | null;
  readonly error: string | null;
  readonly output: unknown;
}

export interface NewRun {
  readonly id: string;
  readonly actionName: string;
  readonly entityId: string | null;
  readonly parameters: JsonObject;
  readonly triggeredBy: string;
}

export interface Report {
  readonly status: "succeeded" | "failed";
  readonly output: JsonObject | null;
  readonly error: string | null;
}

type JsonObject = Readonly<Record<string, unknown>>;

export interface Runs {
  create(scope: string, run: NewRun): Promise<ActionRun>;
  /** Null if there is no such run, or it has ended. */
  end(scope: string, id: string, report: Report): Promise<ActionRun | null>;
  get(scope: string, id: string): Promise<ActionRun | null>;
  /** The newest first. `after`: the id that precedes the page. */
  list(scope: string, limit: number, after: string | null): Promise<readonly ActionRun[]>;
  /** Inserts runs as they are. */
  copy(runs: readonly PrintedRun[]): Promise<void>;
}

/** `body`: an ActionRun as JSON. */
export interface PrintedRun {
  readonly scope: string;
  readonly body: string;
}

/** PostgreSQL's number of the type `json`. The driver has a function only for `jsonb`. */
const JSON_TYPE = 114;

export function runsIn(sql: Sql): Runs {
  const columns = sql`id, action_name AS "actionName", entity_id AS "entityId", status, parameters, recommendations,
    triggered_by AS "triggeredBy", created_at AS "createdAt", started_at AS "startedAt",
    completed_at AS "completedAt", error, output`;
  const json = (value: JsonObject | null) => value && sql.typed(value, JSON_TYPE);
  return {
    async create(scope, { id, actionName, entityId, parameters, triggeredBy }) {
      const [run] = await sql<[ActionRun]>`
        INSERT INTO runs (scope, id, action_name, entity_id, parameters, triggered_by)
        VALUES (${scope}, ${id}, ${actionName}, ${entityId}, ${json(parameters)}, ${triggeredBy})
        RETURNING ${columns}`;
      return run;
    },
    async end(scope, id, { status, output, error }) {
      const [run] = await sql<ActionRun[]>`
        UPDATE runs SET status = ${status}, output = ${json(output)}, error = ${error},
          started_at = COALESCE(started_at, now()), completed_at = now()
        WHERE scope = ${scope} AND id = ${id} AND status IN ('pending', 'running')
        RETURNING ${columns}`;
      return run ?? null;
    },
    async get(scope, id) {
      const [run] = await sql<ActionRun[]>`SELECT ${columns} FROM runs WHERE scope = ${scope} AND id = ${id}`;
      return run ?? null;
    },
    list: (scope, limit, after) => sql<ActionRun[]>`
      SELECT ${columns} FROM runs
      WHERE scope = ${scope} ${after === null ? sql`` : sql`AND id < ${after}`}
      ORDER BY id DESC LIMIT ${limit}`,
    async copy(runs) {
      const entries = runs.map(({ scope, body }) => `{"scope":${JSON.stringify(scope)},"run":${body}}`);
      await sql`
        INSERT INTO runs
        SELECT entry.scope, run.*
        FROM json_to_recordset(${`[${entries}]`}::text::json) AS entry(scope text, run json),
          json_to_record(entry.run) AS run(
            id uuid, status text, "actionName" text, "entityId" uuid, parameters json, recommendations json,
            "triggeredBy" text, "createdAt" timestamptz, "startedAt" timestamptz, "completedAt" timestamptz,
            error text, output json)`;
    },
  };
}
