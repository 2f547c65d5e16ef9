/**
 * Tools that import the document, such as Postman, send all parameters of an operation, and each with its example. That
 * must work as it stands.
 */

import { describe, expect, it } from "vitest";
import { ask, ROOT } from "../support/requests.ts";
import { accessFor, examplesOf, isValid, OPERATIONS, type Operation, send } from "./described-requests.ts";

const operationOf = (method: string, path: string): Operation => {
  const found = OPERATIONS.find((one) => one.method === method && one.path === path);
  if (found === undefined) throw new Error(`no operation ${method} ${path}`);
  return found;
};

/** All of an operation's examples, except those of its path. */
function everyExample({ parameters, bodyExample }: Operation) {
  const of = (where: "query" | "header") =>
    parameters
      .filter((one) => one.in === where)
      .flatMap((one) => examplesOf(one).map((text) => [one.name, text] as const));
  return {
    query: of("query"),
    headers: Object.fromEntries(of("header")),
    ...(bodyExample !== undefined && { body: bodyExample }),
  };
}

describe.each(OPERATIONS.map((one) => [`${one.method} ${one.path}`, one] as const))("%s", (_name, operation) => {
  it("has a valid example beside each of its schemas", () => {
    for (const { in: where, name, example, schema } of operation.parameters) {
      // A client that is generated from the document does not compile if a header is a number.
      if (where === "header") expect([name, schema.type]).toEqual([name, "string"]);
      expect([name, isValid(schema, example)]).toEqual([name, true]);
      expect(JSON.stringify(example)).not.toMatch(/T\d\d:\d\d:\d\d(?!Z)/);
    }
    if (operation.body === undefined) expect(operation.bodyExample).toBeUndefined();
    else expect(isValid(operation.body, operation.bodyExample)).toBe(true);
  });

  it("succeeds with all of its examples at once", async () => {
    const access = await accessFor(operation);
    const isPut = operation.method === "PUT" && operation.path.endsWith("{name}");
    const sent = { ...everyExample(operation), ...(isPut && { names: { name: "new" } }) };
    const { status, code } = await send(operation, access, sent);
    // The PUT creates. A browser would be led to the console.
    expect([status, code]).toEqual([isPut ? 201 : operation.successes[0], undefined]);
  });
});

const IN_ENVIRONMENT = "/{o}/{p}/envs/{envName}";
const OF_RUN = `${IN_ENVIRONMENT}/action-runs/{id}`;

it("at a fresh service, everything that creates works one after the other with its examples, also a second time", async () => {
  const o = `fresh-${crypto.randomUUID().slice(0, 8)}`;
  const ids: Record<string, string> = {};
  const sendExample = async (method: string, path: string, token = ROOT) => {
    const operation = operationOf(method, path);
    const examples = operation.parameters.map((one) => [one.name, examplesOf(one)[0] ?? ""]);
    const names = { ...Object.fromEntries(examples), o, ...ids };
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => names[name] ?? "");
    const { query, headers, body } = everyExample(operation);
    const search = new URLSearchParams(query.map(([name, text]) => [name, text])).toString();
    return ask<{ id: string; token: string; callback: { url: string; token: string; expiresAt: string } }>(
      method,
      search === "" ? filled : `${filled}?${search}`,
      { token, headers, body },
    );
  };
  const action = `${IN_ENVIRONMENT}/actions/{name}`;
  expect((await sendExample("PUT", action)).status).toBe(201);
  const endpoint = `${IN_ENVIRONMENT}/webhook-endpoints/{name}`;
  expect((await sendExample("PUT", endpoint)).status).toBe(201);
  for (let time = 0; time < 2; time++) {
    expect((await sendExample("POST", `${action}/runs`)).status).toBe(201);
    expect((await sendExample("POST", `${endpoint}/rotate-secret`)).status).toBe(200);
    expect((await sendExample("POST", `/{o}/{p}/sign-in-codes`)).status).toBe(201);
    const token = await sendExample("POST", "/{o}/{p}/tokens");
    expect(token.status).toBe(201);
    ids.tokenId = token.body.id;
    expect((await sendExample("POST", "/{o}/{p}/tokens/{tokenId}/rotate")).status).toBe(200);
  }
  const run = await sendExample("POST", `${IN_ENVIRONMENT}/action-runs`);
  expect(run.status).toBe(201);
  expect((await sendExample("POST", `${IN_ENVIRONMENT}/action-runs`)).body.id).toBe(run.body.id);
  ids.id = run.body.id;
  expect((await sendExample("POST", `${OF_RUN}/heartbeat`, run.body.callback.token)).status).toBe(200);
  expect((await sendExample("POST", `${OF_RUN}/cancel`)).status).toBe(202);
  expect((await sendExample("POST", `${OF_RUN}/callback`, run.body.callback.token)).status).toBe(200);
  for (let time = 0; time < 2; time++) {
    expect((await sendExample("POST", `${OF_RUN}/retry`)).status).toBe(201);
  }
});
