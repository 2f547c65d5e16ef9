/** The fields of an endpoint's editor and its JSON are two views of one definition, made from the examples. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Schema } from "../../src/console/actions/schema-form.ts";
import { pointersOf, secretsOf, unshownOf, withSecrets } from "../../src/console/definitions/members.ts";
import { localMinute } from "../../src/console/gates/local-time.tsx";
import {
  ENDPOINT_FIELDS,
  EVENTS,
  eventWords,
  firstDefinition,
  keptSecrets,
  OWN,
  RECEIVERS,
  receiverOf,
  withReceiver,
} from "../../src/console/notifications/endpoint-editor.tsx";
import { EVENT_TYPES } from "../../src/runs/endpoint-deliveries.ts";

const example = (name: string): Schema =>
  JSON.parse(readFileSync(new URL(`../../examples/webhook-endpoints/${name}.json`, import.meta.url), "utf8"));
/** As the service shows a stored endpoint: its members in another order, with defaults, and null for secrets. */
const stored = (definition: Schema): Schema => ({
  ...Object.fromEntries(Object.entries(definition).reverse()),
  headers: {},
  signingSecret: null,
  includeUnstored: false,
  disabled: false,
  url: null,
});

describe("a receiver of the tiles", () => {
  it.each([
    ["Slack", "slack"],
    ["Microsoft Teams", "teams"],
    ["Discord", "discord"],
  ])("%s begins with its example but without its URL, and is known again when it is stored", (title, file) => {
    const receiver = RECEIVERS.find((one) => one.title === title) ?? OWN;
    const first = firstDefinition(receiver);
    expect(first).toEqual({ ...example(file), url: null });
    expect(receiverOf(stored(first))).toBe(receiver);
    expect(unshownOf(stored(first), ENDPOINT_FIELDS)).toBeNull();
  });

  it("is a program of one's own if the payload is any other, or missing", () => {
    expect(receiverOf(firstDefinition(OWN))).toBe(OWN);
    expect(receiverOf({ payload: { text: "{{ event.summary }}" } })).toBe(OWN);
    expect(receiverOf(example("pagerduty-trigger"))).toBe(OWN);
  });

  it("is chosen instead of another one: the choice of runs follows, unless somebody has changed it", () => {
    const [slack = OWN] = RECEIVERS;
    const begun = { ...firstDefinition(slack), url: "https://mine.example", labels: ["a"] };
    const own = { ...firstDefinition(OWN), url: "https://mine.example", labels: ["a"] };
    expect(withReceiver(begun, OWN)).toEqual(own);
    expect(withReceiver(own, slack)).toEqual(begun);
    const changed = { ...begun, events: ["action_run.failed"], onlyOnChange: false };
    expect(withReceiver(changed, OWN)).toEqual({ ...own, events: ["action_run.failed"], onlyOnChange: false });
  });
});

describe("fields can show a definition", () => {
  const shown = { url: null, events: ["action_run.*"], labels: ["a"], payload: [1] };
  it.each([
    [shown, null],
    [{ ...shown, url: 1 }, "url"],
    [{ ...shown, events: ["action_run.paused"] }, "events"],
    [{ ...shown, events: ["toString"] }, "events"],
    [{ ...shown, labels: [1] }, "labels"],
    [{ ...shown, signingSecret: "whsec_x" }, "signingSecret"],
    [{ ...shown, retries: 3 }, "retries"],
    [{ ...shown, toString: 3 }, "toString"],
  ])("%j: unless of the member %j", (definition, member) => {
    expect(unshownOf(definition, ENDPOINT_FIELDS)).toBe(member);
  });

  it("and each member has a field for its problem, each header too", () => {
    const pointers = pointersOf({ ...shown, headers: { "X/Y": null } }, ENDPOINT_FIELDS);
    expect(pointers).toEqual(expect.arrayContaining(["/url", "/events", "/payload", "/headers/X~1Y"]));
  });
});

describe("secrets", () => {
  const definition = {
    url: null,
    headers: { Authorization: null, Accept: "text/plain" },
    signingSecret: null,
    secrets: { "a/b": null },
  };

  it("are the nulls of headers and secrets, and are filled in where they stand", () => {
    expect(secretsOf(definition)).toEqual(["/headers/Authorization", "/secrets/a~1b"]);
    const typed = new Map([["/secrets/a~1b", "hush"]]);
    expect(withSecrets(definition, typed)).toEqual({ ...definition, secrets: { "a/b": "hush" } });
  });

  it("stay while the URL does, and must be typed again with another one", () => {
    expect([...keptSecrets(definition, definition)]).toHaveLength(2);
    expect([...keptSecrets(definition, { ...definition, url: "https://x" })]).toEqual([]);
    expect([...keptSecrets(undefined, definition)]).toEqual([]);
  });
});

it("events are words, and an instant is what a field takes", () => {
  expect(eventWords(["action_run.failed", "action_run.*", "action_run.new"])).toBe(
    "failed, every event, action_run.new",
  );
  expect(localMinute(new Date(2026, 0, 5, 7, 8, 59))).toBe("2026-01-05T07:08");
});

it("the fields have a checkbox for each event that the service takes", () => {
  expect(Object.keys(EVENTS).sort()).toEqual([...EVENT_TYPES, "action_run.*"].sort());
});
