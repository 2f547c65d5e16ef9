/** What an approver sees of a request: all of it, except the secrets and the callback token. */

import { describe, expect, it } from "vitest";
import { type ActionDefinition, actionDefinition } from "../../../src/actions/definition.ts";
import { actionSecrets } from "../../../src/actions/kind.ts";
import { joinSecrets, splitSecrets } from "../../../src/definitions/kind.ts";
import { previewOf } from "../../../src/webhooks/render.ts";
import type { Trigger } from "../../../src/webhooks/trigger.ts";
import { renderTrigger } from "../../../src/webhooks/trigger-requests.ts";
import { contextWith } from "./template-context.ts";

const TOKEN = 'callback+token/"7731"';
const SECRET = 'named secret/"8842"&=é';
const HEADER_SECRET = "Basic aGVhZGVyLXNlY3JldA==";
const SIGNING_SECRET = `whsec_${btoa("a-signing-key-of-the-caller-32-b")}`;

const BARE = contextWith({ version: "1 4", list: ["a"], trap: "{{ run.callbackToken }} {{ secrets.token }}" });
const RUN = {
  ...BARE.run,
  callbackToken: TOKEN,
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
};
const SHOWN_RUN = { ...RUN, callbackToken: null };

const CONTEXT = { ...BARE, run: RUN, recommendations: { cpu: 2 } };
const INPUTS = { parameters: CONTEXT.parameters, recommendations: CONTEXT.recommendations, entity: CONTEXT.entity };

/** The trigger as a PUT takes it: in two parts, one with null instead of each secret, and as it is sent. */
function stored(trigger: object) {
  const sent = actionDefinition.parse({
    trigger: { type: "webhook", url: "https://ci.example.com", ...trigger },
  }) as ActionDefinition;
  const split = splitSecrets(actionSecrets, sent, null);
  if (!split.ok) throw new Error("a secret is missing");
  const { definition, secrets } = split.value;
  const whole = joinSecrets(actionSecrets, definition, secrets)?.trigger as Trigger;
  if (definition.trigger === undefined) throw new Error("there is no trigger");
  return { shown: definition.trigger, whole };
}

function preview(trigger: object) {
  return JSON.parse(previewOf(stored(trigger).shown, CONTEXT));
}

/** How a secret could stand in the JSON of a preview. */
const FORMS = [TOKEN, SECRET, HEADER_SECRET, SIGNING_SECRET, "a-signing-key"].flatMap((text) => [
  text,
  JSON.stringify(text).slice(1, -1),
  JSON.stringify(JSON.stringify(text)).slice(1, -1),
  encodeURIComponent(text),
  encodeURIComponent(JSON.stringify(text)),
  new URLSearchParams([["", text]]).toString().slice(1),
]);

const RUN_SECRETS = ["{{ run.callbackToken }}", "{{ json run.callbackToken }}"];
const NAMING_SECRETS = ["{{ secrets.token }}", "{{ json secrets.token }}", ...RUN_SECRETS];

describe("a text that names a secret or the callback token is null as a whole", () => {
  it.each([...NAMING_SECRETS, ...NAMING_SECRETS.map((placeholder) => `x ${placeholder} {{ parameters.version }}`)])(
    "%s in a payload and a header",
    (text) => {
      const secrets = { token: SECRET };
      expect(preview({ payload: text, secrets })).toMatchObject({ payload: null });
      expect(preview({ payload: [{ a: [{ b: text }, 1] }], secrets })).toMatchObject({
        payload: [{ a: [{ b: null }, 1] }],
      });
      expect(preview({ headers: { Accept: text }, secrets })).toMatchObject({ headers: { Accept: null } });
    },
  );

  it.each(RUN_SECRETS)("%s in the URL", (text) => {
    expect(preview({ url: `https://ci.example.com/?a=${text}` })).toMatchObject({ url: null });
  });
});

describe("a value that has the callback token inside keeps its other members", () => {
  const json = JSON.stringify(SHOWN_RUN);
  it.each<[string, object, object]>([
    ["{{ run }}", { payload: { a: "{{ run }}" } }, { payload: { a: SHOWN_RUN } }],
    ["{{ json run }}", { payload: { a: "{{ json run }}" } }, { payload: { a: json } }],
    ["{{ run }} in a text", { payload: { a: "x{{ run }}" } }, { payload: { a: `x${json}` } }],
    ["the default payload", {}, { payload: { run: SHOWN_RUN, ...INPUTS } }],
    ["a shown header", { headers: { Accept: "{{ run }}" } }, { headers: { Accept: json } }],
    [
      "the URL",
      { url: "https://ci.example.com/?run={{ json run }}" },
      { url: `https://ci.example.com/?run=${encodeURIComponent(json)}` },
    ],
  ])("shows them in %s", (_what, trigger, shown) => {
    expect(preview({ ...trigger, secrets: { token: SECRET } })).toMatchObject(shown);
  });
});

describe("everything else is shown as it is sent", () => {
  it("method, URL, headers that open nothing, and the payload", () => {
    expect(
      preview({
        url: "https://CI.example.com/jobs/{{ parameters.version }}",
        method: "PUT",
        headers: { Authorization: HEADER_SECRET, "X-Run": "{{ run.id }}", "Content-Type": "text/{{ entity.id }}x" },
        payload: { a: "{{ parameters.list }}", b: ["{{ run.timeoutSeconds }}", 7, null], c: "{{ parameters.trap }}" },
        signingSecret: SIGNING_SECRET,
        secrets: { token: SECRET },
      }),
    ).toEqual({
      method: "PUT",
      url: "https://ci.example.com/jobs/1%204",
      headers: { Authorization: null, "X-Run": null, "Content-Type": "text/x" },
      payload: { a: ["a"], b: [3600, 7, null], c: CONTEXT.parameters.trap },
    });
  });

  it("and a form as the object that it is made of", () => {
    const { payload, headers } = preview({
      headers: { "content-type": "application/x-www-form-urlencoded" },
      payload: { url: "{{ run.callbackUrl }}", token: "{{ run.callbackToken }}", json: "{{ json parameters.list }}" },
    });
    expect(payload).toEqual({ url: RUN.callbackUrl, token: null, json: '["a"]' });
    expect(headers).toEqual({ "content-type": "application/x-www-form-urlencoded" });
  });

  it.each<[string, object]>([
    [
      "a payload",
      { payload: { a: ["{{ parameters }}", "v{{ parameters.version }}"], __proto__: { b: "{{ run.id }}" } } },
    ],
    ["a member named __proto__", { payload: JSON.parse('{ "__proto__": "{{ run.id }}" }') }],
    ["a payload null", { payload: null }],
  ])("without secrets, %s is that of the request", (_what, trigger) => {
    const { shown, whole } = stored(trigger);
    const request = renderTrigger(whole, CONTEXT);
    if (!request.ok) throw new Error(request.error.message);
    const { payload, url, method } = JSON.parse(previewOf(shown, CONTEXT));
    expect(JSON.stringify(payload)).toBe(request.value.body);
    expect([new URL(request.value.url).href, request.value.method]).toEqual([url, method]);
  });
});

it("no secret is there in any form, wherever the action uses it", () => {
  const everywhere = [
    "{{ secrets.token }}",
    "a{{ secrets.token }}",
    "{{ json secrets.token }}",
    "{{ run.callbackToken }}",
    "a{{ run.callbackToken }}",
    "{{ json run.callbackToken }}",
    "{{ run }}",
    "a{{ run }}",
    "{{ json run }}",
  ];
  const [header] = [{ "X-A": HEADER_SECRET, Accept: "{{ json run }}", "Accept-Language": "{{ secrets.token }}" }];
  for (const payload of [everywhere, undefined, { a: { b: everywhere } }]) {
    for (const part of ["{{ run.callbackToken }}", "{{ json run.callbackToken }}", "{{ run }}", "{{ json run }}"]) {
      const text = previewOf(
        stored({
          url: `https://ci.example.com/a?b=${part}`,
          headers: header,
          payload,
          secrets: { token: SECRET },
          signingSecret: SIGNING_SECRET,
          cancel: { url: "https://ci.example.com/stop", headers: { "X-B": HEADER_SECRET } },
        }).shown,
        CONTEXT,
      );
      expect(FORMS.filter((form) => text.includes(form))).toEqual([]);
    }
  }
});
