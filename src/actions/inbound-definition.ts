/**
 * zod: the member `inbound` of an action, which says how the action verifies the events of another product, and what it
 * makes of them. PURE.
 */
import * as z from "zod/mini";
import { isJsonObject } from "../base/json.ts";
import {
  CONDITIONS_MAX,
  EVENT_HEADER_MAX_CHARACTERS,
  EVENT_HEADERS_MAX,
  EVENT_TEMPLATE_MAX_BYTES,
} from "../base/limits.ts";
import type { MemberFault } from "../http/errors.ts";
import { finiteNumbers, inDocument, listOf, maxBytes, objectOf, textLike } from "../http/schemas.ts";
import { IN_EVENT, inEventWith } from "../webhooks/placeholder.ts";
import { refusing } from "../webhooks/request-schemas.ts";
import { conditionsOn, pathsIn } from "../webhooks/response.ts";
import { checkTemplate } from "../webhooks/template.ts";
import { signingKey } from "../webhooks/webhook-request.ts";

const verify = z.enum(["token", "github", "standard-webhooks"], {
  error: 'send "token", "github" or "standard-webhooks".',
});

/** Any text that can be a token: a header's value without blanks. */
const secret = textLike(
  "^[!-~]{16,255}$",
  "is not a usable secret; send 16 to 255 printable ASCII characters without blanks.",
);

const HEADER = `^[!#$%&'*+.^_\`|~0-9A-Za-z-]{1,${EVENT_HEADER_MAX_CHARACTERS}}$`;
/** What such a header holds could be put into parameters, and everybody who reads the run reads these. */
const OPENS = /authorization|cookie|token|signature|secret|password|credential|jwt|(?:api|auth|access)[-_]?key/;

const headerName = z.pipe(
  textLike(
    HEADER,
    `is not a header's name; send 1 to ${EVENT_HEADER_MAX_CHARACTERS} characters that RFC 9110 allows.`,
  ).check(
    z.refine((name) => !OPENS.test(name.toLowerCase()), {
      error: "can hold a secret, and parameters are no secrets; leave it out.",
    }),
  ),
  z.transform((name: string) => name.toLowerCase()),
);

const headers = z.pipe(
  listOf(EVENT_HEADERS_MAX, "headers", headerName, "send an array of headers' names."),
  z.transform((names): readonly string[] => [...new Set(names)]),
);
inDocument(headers, {
  wire: { type: "array", items: { type: "string", pattern: HEADER }, maxItems: EVENT_HEADERS_MAX },
  description:
    "The headers that `when` and `parameters` may read, in any case. A header whose name contains `authorization`, " +
    "`cookie`, `token`, `signature`, `secret`, `password`, `credential`, `jwt`, `api-key`, `auth-key` or `access-key` is " +
    "refused, because parameters are no secrets.",
});

const when = conditionsOn({
  path: /^(body|headers)\.[^\s{}]+$/,
  roots: IN_EVENT,
  what: "the event",
  examples: ["body.ref", "body.active"],
  member: "when",
});

const ONE_PLACEHOLDER = "^\\{\\{[^{}]*\\}\\}$";

const parameters = z.unknown().check(
  z.refine(
    (template) =>
      isJsonObject(template) || (typeof template === "string" && new RegExp(ONE_PLACEHOLDER).test(template)),
    { error: 'send a JSON object, or one placeholder, as in "{{ body }}".', abort: true },
  ),
  finiteNumbers,
  maxBytes(EVENT_TEMPLATE_MAX_BYTES, JSON.stringify),
);
inDocument(parameters, {
  wire: { type: ["object", "string"], additionalProperties: true, pattern: ONE_PLACEHOLDER },
  description:
    "The parameters of the run: an object whose strings may contain placeholders of `body` and of the named `headers`, such " +
    "as `{{ body.commits.0.id }}`. A string that is only one placeholder becomes the value itself. So `{{ body }}` " +
    'instead of an object takes the event as it is. Without it, the parameters are `{ "event": … }` with the whole body. ' +
    `At most ${EVENT_TEMPLATE_MAX_BYTES} bytes of JSON.`,
});

const inboundShape = {
  verify,
  secret: z.optional(z.nullable(secret)),
  headers: z.optional(headers),
  when: z.optional(when),
  parameters: z.optional(parameters),
};

/** Faults that no member has alone. */
function wholeFaults({
  secret,
  verify,
  headers = [],
  when = [],
  parameters,
}: z.output<z.ZodMiniObject<typeof inboundShape>>): readonly MemberFault[] {
  const faults: MemberFault[] = [];
  if (verify === "standard-webhooks" && typeof secret === "string" && signingKey(secret) === null) {
    const message = "is not a secret of Standard Webhooks; send whsec_ and the base64 of 24 to 64 random bytes.";
    faults.push({ path: ["secret"], message });
  }
  const named = new Set(headers.map((name) => `headers.${name}`));
  if (pathsIn(when).some((path) => path.startsWith("headers.") && !named.has(path))) {
    faults.push({
      path: ["when"],
      message: "names a header that is not in headers; add it there, in lower case here.",
    });
  }
  const fault = checkTemplate(parameters, inEventWith(headers));
  return fault === null ? faults : [...faults, { ...fault, path: ["parameters", ...fault.path] }];
}

export const inbound = objectOf(
  inboundShape,
  DESCRIBE && {
    id: "Inbound",
    description:
      "Lets another product start the action by an event. Requires a `trigger`. The runs have the token that stored the " +
      "action as their creator. `GET …/actions/{name}/inbound` shows the URL for the product.",
    members: {
      verify:
        "How an event proves that it is genuine. `token`: the secret itself, as `Authorization: Bearer`, as the password of " +
        "`Authorization: Basic`, or as `X-Gitlab-Token`. `github`: the signature `X-Hub-Signature-256`. " +
        "`standard-webhooks`: the headers of Standard Webhooks, at most 5 minutes old.",
      secret:
        "Write-only: responses show null in its place. If it is missing or null, the stored secret stays. If " +
        "`inbound` is new, or `verify` changes, the service makes a secret, which only that response shows. For " +
        "`standard-webhooks`, send `whsec_` and the base64 of 24 to 64 random bytes. To replace " +
        "a secret without a gap, rotate it.",
      when:
        'Conditions on an event. `{ "exists": "body.ref" }` holds if the value is there and not null. ' +
        '`{ "equals": { "headers.x-github-event": "push" } }` holds if value and type are the same. ' +
        `All must hold, and there are at most ${CONDITIONS_MAX}. Otherwise the event starts nothing. A path may name only ` +
        "headers that are in `headers`, in lower case.",
    },
    examples: [
      {
        verify: "github",
        headers: ["x-github-event"],
        when: [{ equals: { "body.ref": "refs/heads/main" } }],
        parameters: { version: "{{ body.after }}" },
      },
    ],
  },
  refusing(wholeFaults),
);

export type Inbound = z.output<typeof inbound>;
