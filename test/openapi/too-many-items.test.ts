/**
 * What a body can hold the most of: lists, and objects with members of any name. Each has a bound in the document, and
 * the service counts before it looks at an item. Else half a million items that are refused take 500 MB.
 */

import type { Schema } from "@cfworker/json-schema";
import { expect, it } from "vitest";
import { ask } from "../support/requests.ts";
import { accessFor, OPERATIONS, resolve, withMember } from "./described-requests.ts";

/** A list, or an object with members of any name. In its path, `0` is an item of a list. */
interface Many {
  readonly path: readonly string[];
  readonly schema: Schema;
}

function manyIn(described: Schema, path: readonly string[] = []): readonly Many[] {
  const schema = resolve(described);
  const { properties = {}, items, oneOf = [], anyOf = [], additionalProperties } = schema;
  const isFree = typeof additionalProperties === "object";
  return [
    ...(schema.type === "array" || isFree ? [{ path, schema }] : []),
    ...[...oneOf, ...anyOf].flatMap((one: Schema) => manyIn(one, path)),
    ...Object.entries(properties as Record<string, Schema>).flatMap(([name, one]) => manyIn(one, [...path, name])),
    ...(items === undefined ? [] : manyIn(items as Schema, [...path, "0"])),
  ];
}

const COUNT = 2000;

/** So many items that each of them is refused. */
function tooMany({ type }: Schema): unknown {
  const items = Array.from({ length: COUNT }, (_, n) => [`? ${n}`, null]);
  return type === "array" ? items : Object.fromEntries(items);
}

/** The value at the end of the path. */
function nested([step, ...rest]: readonly string[], value: unknown): unknown {
  if (step === undefined) return value;
  return step === "0" ? [nested(rest, value)] : { [step]: nested(rest, value) };
}

const OF_BODIES = OPERATIONS.flatMap((operation) =>
  manyIn(operation.body ?? {}).map(
    (many) => [`${many.path.join(".")} of ${operation.method} ${operation.path}`, operation, many] as const,
  ),
);

it.each(OF_BODIES)("one sentence refuses all items of %s", async (_name, operation, { path, schema }) => {
  expect(schema.maxItems ?? schema.maxProperties, "its bound in the document").toBeGreaterThan(0);
  const body = resolve(operation.body ?? {});
  const [example = {}] = (body.examples ?? []) as readonly Record<string, unknown>[];
  const inList = path.includes("0") ? path.indexOf("0") : path.length;
  const value = nested(path.slice(inList), tooMany(schema));
  const { names, token, headers } = await accessFor(operation);
  const address = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => names[name] ?? "");
  const answer = await ask<{ readonly error: string; readonly pointer?: string }>(operation.method, address, {
    token,
    headers: { ...headers },
    body: withMember(body, example, path.slice(0, inList), value),
  });
  expect(answer.body.pointer).toBe(`/${path.join("/")}`);
  expect(answer.body.error).toMatch(new RegExp(`^${path.join(".")}: has ${COUNT} [a-z ]+; send at most \\d+\\.$`));
  expect(answer.status).toBe(400);
});

it("finds the lists and objects of requests, at any depth", () => {
  const found = OF_BODIES.map(([, , { path }]) => path.join("."));
  expect(found).toEqual(
    expect.arrayContaining([
      "labels",
      "runIds",
      "filter.labels",
      "filter.status",
      "events",
      "actionNames",
      "headers",
      "secrets",
      "trigger.accepted",
      "trigger.accepted.0.equals",
      "trigger.cancel.headers",
      "definition.events",
    ]),
  );
});

const OF_QUERIES = OPERATIONS.flatMap(({ method, path, parameters }) =>
  parameters
    .filter(({ schema }) => schema.type === "array")
    .map(({ name, schema }) => [`${name} of ${method} ${path}`, path, name, schema] as const),
);

it.each(OF_QUERIES)("one sentence refuses all values of %s", async (_name, path, name, schema) => {
  expect(schema.maxItems, "its bound in the document").toBeGreaterThan(0);
  const address = path.replaceAll(/\{\w+\}/g, "acme");
  const query = new URLSearchParams(Array.from({ length: 50 }, () => [name, ""]));
  const { status, body } = await ask<{ readonly error: string }>("GET", `${address}?${query}`);
  expect(body.error).toMatch(new RegExp(`^${name}: (has 50 [a-z]+; send at most \\d+|send any of [^:.]+)\\.$`));
  expect(status).toBe(400);
});
