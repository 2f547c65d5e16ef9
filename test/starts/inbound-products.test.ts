/**
 * The actions of examples/inbound, with events as each product documents them. test/products/ has Alertmanager itself and
 * the Git hook.
 */

import { expect, it } from "vitest";
import alertmanager from "../../examples/inbound/alertmanager.json";
import git from "../../examples/inbound/git.json";
import github from "../../examples/inbound/github.json";
import grafana from "../../examples/inbound/grafana.json";
import { ask, newRunsPath } from "../support/requests.ts";
import { bearer, OTHER_SECRET, type Proof, runOf, send, github as signed, urlOf } from "./events.ts";

const BEFORE = "9c1185a5c5e9fc54612808977ee8f548b2258d31";
const AFTER = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d";

// https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
const PUSH = {
  ref: "refs/heads/main",
  before: BEFORE,
  after: AFTER,
  created: false,
  deleted: false,
  forced: false,
  base_ref: null,
  compare: "https://github.com/acme/shop/compare/9c1185a5c5e9...7fd1a60b01f9",
  commits: [{ id: AFTER, message: "Sell {{ body.secret }} more", added: [], removed: [], modified: ["shop.ts"] }],
  head_commit: { id: AFTER, message: "Sell more", timestamp: "2026-11-25T12:00:00+01:00" },
  repository: { id: 1, name: "shop", full_name: "acme/shop", default_branch: "main" },
  pusher: { name: "ada", email: "ada@acme.example" },
  sender: { login: "ada", id: 2 },
};
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#ping
const PING = {
  zen: "Keep it logically awesome.",
  hook_id: 3,
  hook: {
    type: "Repository",
    id: 3,
    active: true,
    events: ["push"],
    config: { content_type: "json", insecure_ssl: "0" },
  },
  repository: PUSH.repository,
  sender: PUSH.sender,
};

// https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
const GROUP = {
  version: "4",
  groupKey: '{}:{alertname="DiskFull", instance="db-1"}',
  truncatedAlerts: 0,
  status: "firing",
  receiver: "action-runs",
  groupLabels: { alertname: "DiskFull", instance: "db-1" },
  commonLabels: { alertname: "DiskFull", instance: "db-1", severity: "page" },
  commonAnnotations: { summary: "The disk of db-1 is full" },
  externalURL: "http://alertmanager.example.com:9093",
  alerts: [
    {
      status: "firing",
      labels: { alertname: "DiskFull", instance: "db-1", severity: "page" },
      annotations: { summary: "The disk of db-1 is full" },
      startsAt: "2026-11-25T12:00:00Z",
      endsAt: "0001-01-01T00:00:00Z",
      generatorURL: "http://prometheus.example.com:9090/graph?g0.expr=disk_free",
      fingerprint: "c6eadffa33fcdf37",
    },
  ],
};

// https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
const CONTACT = {
  receiver: "action-runs",
  status: "firing",
  orgId: 1,
  alerts: [
    {
      status: "firing",
      labels: { alertname: "Errors", service: "checkout" },
      annotations: { summary: "Many errors" },
      startsAt: "2026-11-25T12:00:00+01:00",
      endsAt: "0001-01-01T00:00:00Z",
      values: { B: 44.2, C: 1 },
      generatorURL: "https://grafana.example.com/alerting/1afz29v7z/edit",
      fingerprint: "bc97ff14869b13e3",
      silenceURL: "https://grafana.example.com/alerting/silence/new",
      dashboardURL: "",
      panelURL: "",
    },
  ],
  groupLabels: {},
  commonLabels: { alertname: "Errors", service: "checkout" },
  commonAnnotations: {},
  externalURL: "https://grafana.example.com/",
  version: "1",
  groupKey: "{}:{}",
  truncatedAlerts: 0,
  title: "[FIRING:1] (Errors checkout)",
  state: "alerting",
  message: "**Firing**",
};

interface Case {
  readonly what: string;
  readonly action: object;
  readonly event: unknown;
  readonly proof: (secret: string) => Proof;
  readonly headers?: Readonly<Record<string, string>>;
  /** The parameters of the run; null if the event starts none. */
  readonly parameters: object | null;
  readonly title?: string;
}

const event = (name: string) => ({ "X-GitHub-Event": name, "X-GitHub-Delivery": crypto.randomUUID() });
const FORM = { "Content-Type": "application/x-www-form-urlencoded" };
const ALERT = {
  alert: "DiskFull",
  instance: "db-1",
  since: "2026-11-25T12:00:00Z",
  summary: "The disk of db-1 is full",
};
const DEPLOY = { repository: "acme/shop", commit: AFTER, by: "ada" };

const CASES: readonly Case[] = [
  {
    what: "GitHub's push",
    action: github,
    event: PUSH,
    proof: signed,
    headers: event("push"),
    parameters: DEPLOY,
    title: `deploy acme/shop ${AFTER}`,
  },
  {
    what: "GitHub's push as a form",
    action: github,
    event: new URLSearchParams({ payload: JSON.stringify(PUSH) }).toString(),
    proof: signed,
    headers: { ...event("push"), ...FORM },
    parameters: DEPLOY,
  },
  { what: "GitHub's ping", action: github, event: PING, proof: signed, headers: event("ping"), parameters: null },
  {
    what: "GitHub's push to another branch",
    action: github,
    event: { ...PUSH, ref: "refs/heads/x" },
    proof: signed,
    headers: event("push"),
    parameters: null,
  },
  {
    what: "GitHub's push that deletes",
    action: github,
    event: { ...PUSH, deleted: true },
    proof: signed,
    headers: event("push"),
    parameters: null,
  },
  {
    what: "Alertmanager's group",
    action: alertmanager,
    event: GROUP,
    proof: bearer,
    parameters: ALERT,
    title: "repair db-1: DiskFull",
  },
  {
    what: "Alertmanager's group that is resolved",
    action: alertmanager,
    event: { ...GROUP, status: "resolved" },
    proof: bearer,
    parameters: null,
  },
  {
    what: "Grafana's alert",
    action: grafana,
    event: CONTACT,
    proof: (secret) => () => ({ Authorization: `Basic ${btoa(`grafana:${secret}`)}` }),
    parameters: { alert: "Errors", service: "checkout", values: { B: 44.2, C: 1 }, message: "**Firing**" },
    title: "repair checkout: Errors",
  },
  {
    what: "the Git hook's push",
    action: git,
    event: { ref: "refs/heads/main", before: BEFORE, after: AFTER },
    proof: bearer,
    parameters: { commit: AFTER },
  },
];

it.each(CASES)("$what starts what it should", async ({ action, event, proof, headers, parameters, title }) => {
  const runs = newRunsPath();
  const path = runs.replace(/action-runs$/, "actions/example");
  const stored = await ask<{ inbound: { secret: string } }>("PUT", path, { body: action });
  expect(stored.status).toBe(201);
  const { secret } = stored.body.inbound;
  const url = await urlOf(path);
  expect((await send(url, event, proof(OTHER_SECRET), headers)).status).toBe(401);
  const answer = await send(url, event, proof(secret), headers);
  if (parameters === null) {
    expect([answer.status, answer.body]).toEqual([202, { ignored: true }]);
    return;
  }
  expect(await runOf(runs, answer)).toMatchObject({ parameters, details: { via: "inbound", ...(title && { title }) } });
  // The product sends it again, because the response got lost.
  expect((await send(url, event, proof(secret), headers)).body).toEqual(answer.body);
});
