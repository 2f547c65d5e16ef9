/// <reference types="vite/client" />
/**
 * The endpoints in examples/webhook-endpoints/, rendered for runs whose names are hostile, against what each product
 * documents. What people read must have no markup and no mention.
 */

import { describe, expect, it } from "vitest";
import * as z from "zod";
import discord from "../../examples/webhook-endpoints/discord.json";
import githubFailure from "../../examples/webhook-endpoints/github-commit-status-failure.json";
import githubSuccess from "../../examples/webhook-endpoints/github-commit-status-success.json";
import pagerdutyResolve from "../../examples/webhook-endpoints/pagerduty-resolve.json";
import pagerdutyTrigger from "../../examples/webhook-endpoints/pagerduty-trigger.json";
import readme from "../../examples/webhook-endpoints/README.md?raw";
import slack from "../../examples/webhook-endpoints/slack.json";
import slackApprovals from "../../examples/webhook-endpoints/slack-approvals.json";
import teams from "../../examples/webhook-endpoints/teams.json";
import { webhookPolicy } from "../../src/settings/config.ts";
import { guardUrl } from "../../src/settings/url-guard.ts";
import { endpointDefinition, storedEndpoint } from "../../src/webhook-endpoints/definition.ts";
import { renderDelivery } from "../../src/webhook-endpoints/delivery-content.ts";

import { attemptOf, endedRun, HOSTILE } from "./ended-run.ts";

const BASE = "https://runs.example";
const CONSOLE_URL = `${BASE}/console/-/acme/shop/production/runs/${endedRun().id}`;
const SHA = "6dcb09b5b57875f334f61aebed695e2e4193db5e";

/** A summary: at most 140 letters, digits, blanks and .-_/: in which no chat finds a link. */
const SUMMARY = /^(?!.*\/\/)[\p{L}\p{Nd} ._/:-]{1,140}$/u;
const summary = z.string().regex(SUMMARY);
const link = z.literal(CONSOLE_URL);

interface Example {
  readonly name: string;
  readonly endpoint: object;
  /** Scheme, host, path and query as documented, with the places for the caller's own names. */
  readonly url: RegExp;
  readonly headers?: Readonly<Record<string, RegExp>>;
  /** Every field that the example uses, as the product documents it: no other passes. */
  readonly documented: z.ZodType;
}

const githubStatus = (name: string, endpoint: object, state: string): Example => ({
  // https://docs.github.com/en/rest/commits/statuses#create-a-commit-status
  name,
  endpoint,
  url: new RegExp(`^https://api\\.github\\.com/repos/[\\w.-]+/[\\w.-]+/statuses/${SHA}$`),
  headers: {
    Accept: /^application\/vnd\.github\+json$/,
    Authorization: /^Bearer YOUR_GITHUB_TOKEN$/,
    "X-GitHub-Api-Version": /^(2022-11-28|2026-03-10)$/,
  },
  // GitHub refuses a longer description, and characters beyond the basic plane.
  documented: z.strictObject({
    state: z.literal(state),
    context: z.literal("deploy"),
    description: summary.refine((text) => text.length <= 140),
    target_url: link,
  }),
});

const pagerduty = {
  url: /^https:\/\/events\.pagerduty\.com\/v2\/enqueue$/,
  key: { routing_key: z.literal("YOUR_INTEGRATION_KEY"), dedup_key: z.string().startsWith("deploy ").max(262) },
};

const slackChannel = (name: string, endpoint: object, linkText: string): Example => ({
  // https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
  // https://docs.slack.dev/reference/block-kit/composition-objects/text-object
  name,
  endpoint,
  url: /^https:\/\/hooks\.slack\.com\/services\/\w+\/\w+\/\w+$/,
  documented: z.strictObject({
    text: summary,
    mrkdwn: z.literal(false),
    blocks: z.tuple([
      z.strictObject({
        type: z.literal("section"),
        text: z.strictObject({ type: z.literal("plain_text"), text: summary, emoji: z.literal(false) }),
      }),
      z.strictObject({
        type: z.literal("context"),
        elements: z.tuple([
          z.strictObject({
            type: z.literal("mrkdwn"),
            text: z.literal(`<${CONSOLE_URL}|${linkText}>`),
            verbatim: z.literal(true),
          }),
        ]),
      }),
    ]),
  }),
});

const EXAMPLES: readonly Example[] = [
  slackChannel("slack", slack, "Open the run"),
  slackChannel("slack-approvals", slackApprovals, "See the request and decide"),
  {
    // https://learn.microsoft.com/en-us/adaptive-cards/schema-explorer/text-run: Markdown is not supported.
    // https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
    name: "teams",
    endpoint: teams,
    url: /^https:\/\/\w+\.environment\.api\.powerplatform\.com\/\w+\?sig=\w+$/i,
    documented: z.strictObject({
      type: z.literal("message"),
      attachments: z.tuple([
        z.strictObject({
          contentType: z.literal("application/vnd.microsoft.card.adaptive"),
          contentUrl: z.null(),
          content: z.strictObject({
            $schema: z.literal("http://adaptivecards.io/schemas/adaptive-card.json"),
            type: z.literal("AdaptiveCard"),
            version: z.literal("1.2"),
            body: z.tuple([
              z.strictObject({
                type: z.literal("RichTextBlock"),
                inlines: z.tuple([
                  z.strictObject({ type: z.literal("TextRun"), text: summary, weight: z.literal("Bolder") }),
                ]),
              }),
            ]),
            actions: z.tuple([
              z.strictObject({ type: z.literal("Action.OpenUrl"), title: z.literal("Open the run"), url: link }),
            ]),
          }),
        }),
      ]),
    }),
  },
  {
    // https://docs.discord.com/developers/resources/webhook#execute-webhook
    name: "discord",
    endpoint: discord,
    url: /^https:\/\/discord\.com\/api\/webhooks\/\w+\/\w+\?wait=true$/,
    documented: z.strictObject({
      // A code span shows its text as it is, and a summary has no backtick that could end it.
      content: z
        .string()
        .max(2000)
        .refine((content) => {
          const [code = "", url, ...more] = content.split("\n");
          return (
            /^`[^`]+`$/.test(code) && SUMMARY.test(code.slice(1, -1)) && url === `<${CONSOLE_URL}>` && more.length === 0
          );
        }),
      allowed_mentions: z.strictObject({ parse: z.tuple([]) }),
    }),
  },
  githubStatus("github-commit-status-success", githubSuccess, "success"),
  githubStatus("github-commit-status-failure", githubFailure, "failure"),
  {
    // https://developer.pagerduty.com/docs/send-alert-event
    name: "pagerduty-trigger",
    endpoint: pagerdutyTrigger,
    url: pagerduty.url,
    documented: z.strictObject({
      ...pagerduty.key,
      event_action: z.literal("trigger"),
      payload: z.strictObject({
        summary: summary.refine((text) => text.length <= 1024),
        source: z.literal("action-runs"),
        severity: z.enum(["critical", "error", "warning", "info"]),
        timestamp: z.iso.datetime(),
      }),
      links: z.tuple([z.strictObject({ href: link, text: z.literal("Open the run") })]),
    }),
  },
  {
    name: "pagerduty-resolve",
    endpoint: pagerdutyResolve,
    url: pagerduty.url,
    documented: z.strictObject({ ...pagerduty.key, event_action: z.literal("resolve") }),
  },
];

const policy = webhookPolicy({ PUBLIC_URL: BASE }, BASE);
if (!policy.ok) throw new Error(policy.error);
const { value: publicHosts } = policy;

describe.each(EXAMPLES)("$name", ({ name, endpoint, url, headers = {}, documented }) => {
  const definition = endpointDefinition.parse(endpoint);

  it("is an endpoint that a PUT accepts, and README says how to set it up", () => {
    expect(() => storedEndpoint.parse(endpoint)).not.toThrow();
    expect(readme).toContain(`(${name}.json)`);
  });

  it.each(HOSTILE)("sends what the product documents, and no markup of %j", (text) => {
    const value = JSON.stringify({ a: text });
    const inputs = { output: value, recommendations: value, parameters: JSON.stringify({ sha: SHA, a: text }) };
    const attempt = attemptOf({ actionName: text, entityId: text, triggeredBy: text, error: text, ...inputs });
    const rendered = renderDelivery(definition, attempt, BASE);
    if (!rendered.ok) throw new Error(rendered.error.message);
    const { value: request } = rendered;
    expect(request.url).toMatch(url);
    expect(guardUrl(request.url, publicHosts).ok).toBe(true);
    expect(Object.keys(request.headers)).toEqual(Object.keys(headers));
    for (const [header, pattern] of Object.entries(headers)) expect(request.headers[header]).toMatch(pattern);
    documented.parse(JSON.parse(request.body));
  });
});

it("trigger and resolve of PagerDuty are about the same alert", () => {
  expect(pagerdutyTrigger.payload.dedup_key).toBe(pagerdutyResolve.payload.dedup_key);
  expect(pagerdutyTrigger.actionNames).toEqual(pagerdutyResolve.actionNames);
});

it.each(["..", "a/b", "", "%2e%2e"])("a commit %j names no other path at GitHub", (sha) => {
  const attempt = attemptOf({ parameters: JSON.stringify({ sha }) });
  const rendered = renderDelivery(endpointDefinition.parse(githubSuccess), attempt, BASE);
  const { pathname } = new URL(rendered.ok ? rendered.value.url : "https://api.github.com/");
  expect(rendered.ok ? pathname : "refused").toBe(
    { "a/b": "/repos/YOUR_ORG/YOUR_REPOSITORY/statuses/a%2Fb", "": "/repos/YOUR_ORG/YOUR_REPOSITORY/statuses/" }[sha] ??
      "refused",
  );
});
