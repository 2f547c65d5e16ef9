/** What an endpoint may be. */

import { describe, expect, it } from "vitest";
import { endpointDefinition, storedEndpoint } from "../../src/webhook-endpoints/definition.ts";
import { trigger } from "../../src/webhooks/trigger.ts";

const SECRET = `whsec_${btoa("x".repeat(24))}`;
const WHOLE = { url: "https://hooks.example.com/in", events: ["action_run.failed"] };

/** The first fault of an endpoint with these members. */
function fault(members: object, schema: typeof endpointDefinition | typeof storedEndpoint = endpointDefinition) {
  const { error } = schema.safeParse({ ...WHOLE, ...members });
  const [issue] = error?.issues ?? [];
  return issue === undefined ? null : `${issue.path.join(".")}: ${issue.message}`;
}

it("an endpoint needs only a URL and events, and is on, for runs of stored actions, at each end", () => {
  expect(endpointDefinition.parse(WHOLE)).toEqual({
    ...WHOLE,
    headers: {},
    includeUnstored: false,
    onlyOnChange: false,
    final: false,
    disabled: false,
  });
});

it("names, labels and events are sets, and no labels are the same as an empty list", () => {
  const events = ["action_run.succeeded", "action_run.*", "action_run.succeeded"];
  const sets = { events, actionNames: ["b", "a", "b"], labels: ["y", "x", "y"] };
  expect(endpointDefinition.parse({ ...WHOLE, ...sets })).toMatchObject({
    events: ["action_run.*", "action_run.succeeded"],
    actionNames: ["a", "b"],
    labels: ["x", "y"],
  });
  expect(endpointDefinition.parse({ ...WHOLE, labels: [] }).labels).toBeUndefined();
});

it("what a GET shows can be sent again: null in place of each secret", () => {
  const shown = {
    ...WHOLE,
    url: null,
    headers: { Authorization: null, Accept: "application/json" },
    secrets: { TOKEN: null },
    payload: { text: "{{ event.summary }}", key: "{{ secrets.TOKEN }}" },
    signingSecret: null,
    includeUnstored: true,
    final: false,
    onlyOnChange: true,
    disabled: true,
  };
  expect(storedEndpoint.parse(shown)).toEqual(shown);
  expect(fault(shown)).toBe("url: send the URL to call.");
  expect(fault({ headers: { "Webhook-Id": null } }, storedEndpoint)).toContain("set by the service");
});

describe("a placeholder", () => {
  const USABLE = [
    "run.status",
    "run.output",
    "run.output.a.b",
    "run.output.0",
    "run.url",
    "event",
    "event.summary",
    "parameters",
    "entity",
  ];
  it.each(USABLE)("{{ %s }} can stand in URL, header and payload", (path) => {
    const text = `{{ ${path} }}`;
    const url = `https://hooks.example.com/${text}`;
    expect(fault({ url, headers: { X: text }, payload: { a: [text] } })).toBeNull();
  });

  it.each([
    ["run", "{{ run }} can't stand in a URL, because it contains the run's error."],
    ["json run", "{{ json run }} can't stand in a URL"],
    ["run.error", "{{ run.error }} can't stand in a URL, because proxies log URLs"],
    ["secrets.KEY", "{{ secrets.KEY }} can't stand in a URL. The whole URL is a secret"],
  ])("{{ %s }} can't stand in the URL, but elsewhere", (path, message) => {
    const text = `{{ ${path} }}`;
    const secrets = { KEY: "k" };
    expect(fault({ url: `https://hooks.example.com/?a=${text}` })).toContain(`url: ${message}`);
    expect(fault({ secrets, headers: { X: text }, payload: text })).toBeNull();
  });

  it.each(["run.callbackUrl", "run.callbackToken", "run.expiresAt", "json run.callbackToken"])(
    "{{ %s }} is refused, because a run that has ended takes no callbacks",
    (path) => {
      const text = `{{ ${path} }}`;
      const message = `${text} is for callbacks, and a run that has ended takes none. Leave it out.`;
      expect(fault({ url: `https://hooks.example.com/${text}` })).toBe(`url: ${message}`);
      expect(fault({ headers: { X: text } })).toBe(`headers.X: ${message}`);
      expect(fault({ payload: { a: text } })).toBe(`payload.a: ${message}`);
    },
  );

  it.each([
    ["response.id", "is unknown here. The receiver's response is only for a trigger's cancel and link."],
    ["run.foo", "run has only id, actionName"],
    ["run.error.x", "run has only id, actionName"],
    ["event.summary.x", "event has only type, previousStatus, summary"],
    ["event.constructor", "event has only type"],
    ["constructor.name", "Begin with one of run, parameters, recommendations, entity, event, secrets."],
    ["__proto__", "Begin with one of run"],
  ])("{{ %s }} is refused", (path, message) => {
    expect(fault({ payload: `{{ ${path} }}` })).toContain(message);
  });

  it.each(["event", "event.summary", "run.status", "run.error", "run.output.a", "run.url", "run.consoleUrl"])(
    "{{ %s }} is refused in a trigger, whose run has not ended",
    (path) => {
      const text = `{{ ${path} }}`;
      const url = "https://ci.example.com/";
      const cancel = { url, payload: { a: text } };
      for (const members of [{ payload: { a: text } }, { headers: { X: text } }, { url: url + text }, { cancel }]) {
        expect(trigger.safeParse({ type: "webhook", url, ...members }).success).toBe(false);
      }
    },
  );
});

it.each<[string, object, string]>([
  ["no URL", { url: undefined }, "url: send the URL to call."],
  ["a host of a run", { url: "https://{{ run.actionName }}.example.com/" }, "url: Placeholders are only allowed"],
  ["no events", { events: undefined }, "events: send an array with at least one of action_run.succeeded"],
  ["an empty list of events", { events: [] }, "events: is empty; send at least one of action_run.succeeded"],
  ["an unknown event", { events: ["action_run.started"] }, "events.0: is unknown; send one of action_run.succ"],
  ["an empty list of names", { actionNames: [] }, "actionNames: is empty; leave it out to hear of every action."],
  [
    "21 names",
    { actionNames: Array.from({ length: 21 }, (_, n) => `a${n}`) },
    "actionNames: has 21 names; send at most 20.",
  ],
  ["an empty name", { actionNames: [""] }, "actionNames.0: is empty"],
  ["11 labels", { labels: Array.from({ length: 11 }, (_, n) => `a${n}`) }, "labels: has 11 labels; send at most 10."],
  ["a switch that is text", { disabled: "false" }, "disabled: send true or false."],
  ["a short signing secret", { signingSecret: "whsec_AAAA" }, "signingSecret: is not a signing secret"],
  ["an unknown member", { retry: {} }, ": "],
  ["a header of the service", { headers: { "webhook-id": "x" } }, "headers.webhook-id: is set by the service"],
  [
    "a secret that is missing",
    { payload: "{{ secrets.A }}" },
    "payload: uses {{ secrets.A }}, which is missing in secrets",
  ],
  ["one in a header", { headers: { X: "{{ secrets.A }}" } }, "headers.X"],
  [
    "secrets used 21 times",
    { secrets: { A: "a" }, payload: Array(21).fill("{{ secrets.A }}") },
    ": uses secrets more than 20 times; use them less often.",
  ],
  [
    "a form of the default body",
    { headers: { "content-TYPE": "application/x-www-form-urlencoded; charset=utf-8" } },
    "payload: is no form, but headers has Content-Type: application/x-www-form-urlencoded; send a flat object.",
  ],
  ["a payload that is too large", { payload: "x".repeat(64 * 1024) }, ": has 65"],
])("%s is refused", (_what, members, message) => {
  if (message.startsWith("headers.X"))
    expect(fault(members)).toBe("headers: uses a secret, which is missing in secrets; add it.");
  else expect(fault(members)?.slice(0, message.length)).toBe(message);
});

it("the limit of bytes counts no secret, the URL included", () => {
  const long = "x".repeat(4096);
  const headers = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`H${n}`, long]));
  const url = `https://hooks.example.com/${"x".repeat(2000)}`;
  const secrets = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`S${n}`, long]));
  expect(fault({ url, headers, secrets, signingSecret: SECRET, payload: "x".repeat(64_000) })).toBeNull();
});
