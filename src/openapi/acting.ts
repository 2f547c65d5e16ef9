/**
 * What the document says of `On-Behalf-Of`. The header is no parameter of an operation, because tools such as Postman
 * send each parameter with its example, and most tokens may not send this one. So it is a second way to authenticate,
 * which a tool must choose.
 */

import { type Operation, refuses } from "./describe.ts";

type Responses = NonNullable<Operation["responses"]>;
type Described = Exclude<Responses[string], { $ref: string }>;

/** The scheme of the header, by its name in `components.securitySchemes`. */
export const ON_BEHALF_OF = {
  onBehalfOf: {
    type: "apiKey" as const,
    in: "header" as const,
    name: "On-Behalf-Of",
    description:
      "Not a secret: the person for whom you act, as 1 to 255 visible ASCII characters without spaces. The run shows this " +
      "name, in lower case, instead of the token's. Only a token that was minted with `mayActForOthers` can send it. It grants " +
      "nothing: the permissions stay the token's.",
  },
};

/** It only takes the cookie away, and asks for no token. */
const IGNORING: ReadonlySet<string> = new Set(["DELETE /session"]);
/**
 * A session begins and goes on as its token's, so a person means nothing there. ROOT_TOKEN names no person. So these
 * operations only refuse the header.
 */
const OFFERED_NOWHERE: ReadonlySet<string> = new Set([
  "POST /session",
  "POST /session/renew",
  "POST /{o}/{p}/sign-in-codes",
  "POST /{o}/{p}/envs/{envName}/resync",
  "POST /databases/{database}/resync",
  "PUT /{o}/{p}/envs/{envName}/database",
]);

/** Adds the header and its refusals to each operation that changes something with an API token or a session. */
export function withPersons(operations: Readonly<Record<string, Operation>>): Readonly<Record<string, Operation>> {
  const entries = Object.entries(operations).map(([name, operation]) => [
    name,
    takesPerson(name, operation) ? withPerson(name, operation) : operation,
  ]);
  return Object.fromEntries(entries) as Record<string, Operation>;
}

function takesPerson(name: string, { security = [] }: Operation): boolean {
  const schemes = security.flatMap((one) => Object.keys(one));
  const hasPrincipal = schemes.includes("apiToken") || schemes.includes("sessionCookie");
  return !name.startsWith("GET ") && hasPrincipal && !IGNORING.has(name);
}

function withPerson(name: string, operation: Operation): Operation {
  const { security = [], responses = {} } = operation;
  return {
    ...operation,
    ...(!OFFERED_NOWHERE.has(name) && { security: [...security, { apiToken: [], onBehalfOf: [] }] }),
    responses: merged(responses, refuses("invalid_on_behalf_of", "may_not_act_for_others")),
  };
}

/** The responses with these refusals. Of a status that both have, the refusals give only their examples. */
function merged(responses: Responses, refusals: Responses): Responses {
  const all: Responses = { ...responses };
  for (const status of ["400", "403"]) {
    const [before, added] = [responses[status], refusals[status]] as readonly (Described | undefined)[];
    if (added !== undefined) all[status] = before === undefined ? added : joined(before, added);
  }
  return all;
}

function joined(before: Described, added: Described): Described {
  const examples = { ...examplesOf(before), ...examplesOf(added) };
  return {
    ...before,
    description: `${before.description}, ${added.description}`,
    content: { "application/json": { ...added.content?.["application/json"], examples } },
  };
}

function examplesOf({ content }: Described) {
  return content?.["application/json"]?.examples;
}
