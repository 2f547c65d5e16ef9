/**
 * From the fields of a product to its trigger, and back. PURE. A trigger that was made from fields is compared with the
 * product's, and gives the fields again.
 */

import { newParameter, schemaWith } from "./parameter-builder.ts";
import { PRODUCTS, type Product, type Values } from "./products.ts";
import { isSchema, type Schema } from "./schema-form.ts";

/** Placeholders for these parameters. Placeholders can't reach a name with a dot, a blank or a brace. */
function passedOf(names: readonly string[]): Values {
  const reached = names.filter((name) => /^[^\s.{}]+$/.test(name));
  return Object.fromEntries(reached.map((name) => [name, `{{ parameters.${name} }}`]));
}

/** An empty field gives its example, so that the trigger has a URL. A field with a good example stays empty. */
export function triggerOf(product: Product, values: Values, names: readonly string[]): Schema {
  const texts = product.fields.map(({ key, example, isGiven }) => [key, values[key] || (isGiven ? "" : example)]);
  return product.trigger(Object.fromEntries(texts), passedOf(names));
}

/** What the fields of a product begin with. */
export function givenValues({ fields }: Product): Values {
  return Object.fromEntries(fields.map(({ key, example, isGiven }) => [key, isGiven ? example : ""]));
}

/** What the editor of a new action begins with: the first product, and one parameter. */
export function newDefinition(): Schema {
  const parameter = { ...newParameter([]), name: "version" };
  const trigger = PRODUCTS.slice(0, 1).map((product) => triggerOf(product, givenValues(product), ["version"]));
  return { parametersSchema: schemaWith(undefined, [parameter]), trigger: trigger[0] };
}

/** The product whose webhook this is, and its fields. Null if it is another webhook. */
export function productOf(
  trigger: Schema,
  names: readonly string[],
): { readonly product: Product; readonly values: Values } | null {
  for (const product of PRODUCTS) {
    const found = new Map<string, string>();
    const marks = Object.fromEntries(product.fields.map(({ key }) => [key, `\0${key}\0`]));
    if (!fits(product.trigger(marks, passedOf(names)), trigger, found, true)) continue;
    const values = product.fields.map(({ key, example, isGiven }) => {
      const value = found.get(key) ?? "";
      return [key, value === example && !isGiven ? "" : value];
    });
    return { product, values: Object.fromEntries(values) };
  }
  return null;
}

/**
 * The trigger with other fields or parameters. Members that the product does not make stay, such as `retry`. A header
 * stays as well, because null keeps what is stored. If the requests go to another host, null keeps nothing.
 */
export function withTrigger(trigger: Schema, made: Schema): Schema {
  const isMoved = originOf(trigger) !== originOf(made);
  const kept = (name: string, before: Schema, after: Schema) =>
    !isMoved && isSchema(before[name]) && isSchema(after[name]) ? { [name]: { ...after[name], ...before[name] } } : {};
  const cancel =
    isSchema(trigger.cancel) && isSchema(made.cancel)
      ? { cancel: { ...trigger.cancel, ...made.cancel, ...kept("headers", trigger.cancel, made.cancel) } }
      : {};
  return { ...trigger, ...made, ...kept("headers", trigger, made), ...kept("secrets", trigger, made), ...cancel };
}

function originOf({ url }: Schema): string | undefined {
  return URL.parse(String(url))?.origin;
}

/** `isOpen`: the value may have members that the template lacks. Secrets may be null, or typed. */
function fits(template: unknown, value: unknown, found: Map<string, string>, isOpen: boolean): boolean {
  if (typeof template === "string") return typeof value === "string" && fitsText(template, value, found);
  if (!isSchema(template)) return template === value;
  if (!isSchema(value)) return false;
  const names = Object.keys(template);
  if (!isOpen && names.length !== Object.keys(value).length) return false;
  return names.every((name) => {
    if (!Object.hasOwn(value, name)) return false;
    if (name !== "headers" && name !== "secrets") return fits(template[name], value[name], found, name === "cancel");
    return fitsSecrets(template[name], value[name]);
  });
}

/** The same names. A value is a secret or a template for one, so only null or text is asked for. */
function fitsSecrets(template: unknown, value: unknown): boolean {
  if (!isSchema(template) || !isSchema(value)) return false;
  const names = Object.keys(template);
  return names.length === Object.keys(value).length && names.every((name) => Object.hasOwn(value, name));
}

/** Reads the values between the fixed parts of a text. A field that stands twice has one value. */
function fitsText(template: string, text: string, found: Map<string, string>): boolean {
  const [first = "", ...parts] = template.split("\0");
  if (parts.length === 0) return text === template;
  if (!text.startsWith(first)) return false;
  let from = first.length;
  // In turn the key of a field, and the fixed part behind it.
  for (let n = 0; n < parts.length; n += 2) {
    const [key = "", fixed = ""] = parts.slice(n, n + 2);
    const isLast = n + 2 === parts.length;
    const to = isLast ? text.length - fixed.length : text.indexOf(fixed, from);
    if (to < from || !text.startsWith(fixed, to)) return false;
    const value = text.slice(from, to);
    if ((found.get(key) ?? value) !== value) return false;
    found.set(key, value);
    from = to + fixed.length;
  }
  return true;
}
