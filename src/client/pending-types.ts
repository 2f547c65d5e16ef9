/**
 * Types of operations that the OpenAPI document does not describe yet: stored actions, retry, cancel, labels, details. When
 * it does, delete this file. In api.ts, `Paths` is then `paths`, and `Schemas` is `components["schemas"]`.
 */

import type { components, paths } from "./openapi.ts";

type Known = components["schemas"];
type Json = { [name: string]: unknown };
type Secrets = { [name: string]: string | null };

interface Details {
  /** The stored action that the run came from, as it was then. */
  action: { name: string; version: number } | null;
  /** The run that this one repeats. */
  retryOf: string | null;
  labels: string[];
  /** The page of the job that does the work. */
  externalUrl: string | null;
  /** The last heartbeat with news. A list leaves it null. */
  heartbeat: { at: string; message: string | null; progress: number | null } | null;
  /** The cancel that counts. The run is open until `until` at the latest. */
  cancel: { by: string | null; reason: string | null; requestedAt: string; until: string } | null;
}

/** null in the place of a secret keeps the stored value. */
interface StoredTrigger {
  type: "webhook";
  url: string;
  method?: "POST" | "PUT" | "PATCH";
  headers?: Secrets;
  payload?: unknown;
  /** Texts that headers and payload use as `{{ secrets.name }}`. */
  secrets?: Secrets;
  signingSecret?: string | null;
  retry?: { maxAttempts?: number; initialDelayMs?: number };
  startOn?: "accepted" | "heartbeat";
  /** The job's page, made from the receiver's answer. */
  link?: string;
  /** The request that stops the job. */
  cancel?: {
    url: string;
    method?: "POST" | "PUT" | "PATCH" | "DELETE";
    headers?: Secrets;
    payload?: unknown;
  };
}

interface Definition {
  description?: string;
  trigger?: StoredTrigger;
  /** JSON Schema 2020-12 for the parameters of a run. */
  parametersSchema?: Json;
  /** Minutes after which a run fails if nobody has reported its end. */
  timeout?: number;
  /** Minutes without a heartbeat after which a run fails. */
  heartbeatTimeout?: number;
  labels?: string[];
}

type Count = number | { atLeast: number };
type Detailed = Known["ActionRun"] & { details?: Details };
type Labelled = Known["NewActionRun"] & { labels?: string[] };

export interface PendingSchemas {
  ActionDefinition: Definition;
  Action: Definition;
  ListedAction: { name: string; version: number; changedAt: string; definition: Definition };
  NewRunOfAction: {
    entityId?: string | null;
    parameters?: Json;
    recommendations?: Json;
    timeout?: number;
    labels?: string[];
  };
  NewActionRun: Labelled;
  ActionRunDetails: Details;
  DetailedActionRun: Detailed;
  CreatedActionRun: Known["CreatedActionRun"] & { details?: Details };
  StartedActionRun: Detailed & { callback?: Known["CreatedActionRun"]["callback"] };
  ActionRunSummary: { [status in Known["ActionRun"]["status"]]: Count };
  HeartbeatAnswer: Known["HeartbeatAnswer"] & {
    cancel?: { reason: string | null; requestedAt: string; until: string; remainingMs: number } | null;
  };
}

interface Answer<Body> {
  headers: { [name: string]: unknown };
  content: { "application/json": Body };
}
interface Sent<Body> {
  content: { "application/json": Body };
}
type Keyed = { "Idempotency-Key"?: string };
type Detailing = { include?: "details" };
type InEnvironment = { o: string; p: string; envName: string };
type OfAction = InEnvironment & { name: string };
type OfRun = InEnvironment & { id: string };
type ListQuery = { label?: string[]; include?: "details" };
type RunsPath = paths["/{o}/{p}/envs/{envName}/action-runs"];
type RunPath = paths["/{o}/{p}/envs/{envName}/action-runs/{id}"];
type QueryOf<Operation> = Operation extends { parameters: { query?: infer Query } }
  ? NonNullable<Query>
  : never;
type WithQuery<Operation extends { parameters: object }, Query> = Omit<Operation, "parameters"> & {
  parameters: Omit<Operation["parameters"], "query"> & { query?: Query };
};

export interface PendingPaths {
  "/{o}/{p}/envs/{envName}/actions": {
    get: {
      parameters: { path: InEnvironment; query?: { limit?: number; cursor?: string } };
      responses: { 200: Answer<PendingSchemas["ListedAction"][]> };
    };
  };
  "/{o}/{p}/envs/{envName}/actions/{name}": {
    get: { parameters: { path: OfAction }; responses: { 200: Answer<Definition> } };
    put: {
      parameters: { path: OfAction; header?: { "If-Match"?: string; "If-None-Match"?: string } };
      requestBody: Sent<Definition>;
      responses: { 200: Answer<Definition>; 201: Answer<Definition> };
    };
    delete: {
      parameters: { path: OfAction; header?: { "If-Match"?: string } };
      responses: { 204: { headers: { [name: string]: unknown }; content?: never } };
    };
  };
  "/{o}/{p}/envs/{envName}/actions/{name}/runs": {
    post: {
      parameters: { path: OfAction; query?: Detailing; header?: Keyed };
      requestBody: Sent<PendingSchemas["NewRunOfAction"]>;
      responses: { 201: Answer<PendingSchemas["StartedActionRun"]> };
    };
  };
  "/{o}/{p}/envs/{envName}/action-runs": Omit<RunsPath, "get" | "post"> & {
    get: WithQuery<RunsPath["get"], QueryOf<RunsPath["get"]> & ListQuery>;
    post: Omit<WithQuery<RunsPath["post"], Detailing>, "requestBody"> & { requestBody: Sent<Labelled> };
  };
  "/{o}/{p}/envs/{envName}/action-runs/summary": {
    get: {
      parameters: {
        path: InEnvironment;
        query?: Omit<QueryOf<RunsPath["get"]>, "limit" | "cursor"> & { label?: string[] };
      };
      responses: { 200: Answer<PendingSchemas["ActionRunSummary"]> };
    };
  };
  "/{o}/{p}/envs/{envName}/action-runs/{id}": Omit<RunPath, "get" | "delete"> & {
    get: WithQuery<RunPath["get"], QueryOf<RunPath["get"]> & Detailing>;
    delete: WithQuery<RunPath["delete"], Detailing>;
  };
  "/{o}/{p}/envs/{envName}/action-runs/{id}/cancel": {
    post: {
      parameters: { path: OfRun; query?: Detailing; header?: Keyed };
      requestBody: Sent<{ reason?: string; graceSeconds?: number }>;
      responses: { 200: Answer<Detailed>; 202: Answer<Detailed> };
    };
  };
  "/{o}/{p}/envs/{envName}/action-runs/{id}/retry": {
    post: {
      parameters: { path: OfRun; query?: Detailing; header?: Keyed };
      requestBody: Sent<{ parameters?: Json }>;
      responses: { 201: Answer<PendingSchemas["StartedActionRun"]> };
    };
  };
}
