/** The webhooks that start a job at each product, made from a few fields and the action in `examples/`. PURE. */
import azure from "../../../examples/azure-devops/action.json" with { type: "json" };
import github from "../../../examples/github-actions/action-workflow-dispatch.json" with { type: "json" };
import gitlab from "../../../examples/gitlab/action.json" with { type: "json" };
import jenkins from "../../../examples/jenkins/action.json" with { type: "json" };
import { newParameter, schemaWith } from "./parameter-rows.ts";
import { isSchema, type Schema, stepOf } from "./schema-form.ts";

interface ProductField {
  readonly label: string;
  readonly hint?: string;
  /** What stands in the example. The definition has it while the field is empty. */
  readonly text: string;
  /** Whether the text is a good value, so that the field begins with it. */
  readonly isGiven?: boolean;
}

export interface ProductSecret {
  readonly pointer: string;
  readonly label: string;
  readonly hint: string;
  /** What is stored for what somebody typed. */
  readonly encode?: (text: string) => string;
}

/** By the labels of the fields. */
type Values = Readonly<Record<string, string>>;

interface Product {
  readonly title: string;
  readonly about: string;
  readonly example: { readonly trigger: Schema };
  readonly fields: readonly ProductField[];
  readonly secrets: readonly ProductSecret[];
}

const BRANCH = { label: "Branch or tag", text: "main", isGiven: true };

export const PRODUCTS: readonly Product[] = [
  {
    title: "GitHub Actions",
    about: "Starts a workflow by workflow_dispatch.",
    example: github,
    fields: [
      { label: "Owner", text: "YOUR_ORG" },
      { label: "Repository", text: "YOUR_REPOSITORY" },
      { label: "Workflow file", text: "workflow-dispatch.yml", isGiven: true },
      BRANCH,
    ],
    secrets: [
      {
        pointer: "/trigger/secrets/githubToken",
        label: "GitHub token",
        hint: "A fine-grained token that may write Actions of this repository.",
      },
    ],
  },
  {
    title: "GitLab",
    about: "Starts a pipeline by a trigger token.",
    example: gitlab,
    fields: [
      { label: "Address", text: "https://gitlab.com", isGiven: true },
      { label: "Project ID", text: "YOUR_PROJECT_ID" },
      BRANCH,
    ],
    secrets: [
      { pointer: "/trigger/secrets/triggerToken", label: "Pipeline trigger token", hint: "It starts the pipeline." },
      {
        pointer: "/trigger/secrets/accessToken",
        label: "Project access token",
        hint: "With the scope api. It stops the pipeline when a run is cancelled.",
      },
    ],
  },
  {
    title: "Jenkins",
    about: "Starts a build with parameters.",
    example: jenkins,
    fields: [
      {
        label: "Address of the job",
        hint: "As the browser shows it, without a slash at the end.",
        text: "https://jenkins.example.com/job/deploy",
      },
    ],
    secrets: [
      {
        pointer: "/trigger/headers/Authorization",
        label: "User and API token",
        hint: "Type user:token. The console sends it as Basic authorization.",
        encode: (text) => `Basic ${base64(text)}`,
      },
    ],
  },
  {
    title: "Azure DevOps",
    about: "Runs a pipeline.",
    example: azure,
    fields: [
      { label: "Organization", text: "YOUR_ORGANIZATION" },
      { label: "Project", text: "YOUR_PROJECT" },
      { label: "Pipeline ID", text: "YOUR_PIPELINE_ID" },
      { ...BRANCH, label: "Branch" },
    ],
    secrets: [
      {
        pointer: "/trigger/secrets/credentials",
        label: "Personal access token",
        hint: "It must read and execute builds.",
        encode: (text) => base64(`:${text}`),
      },
    ],
  },
];

/** What a trigger begins with if no product of the list receives it. */
export const ANY_WEBHOOK: Product = {
  title: "Any webhook",
  about: "Calls a URL of yours.",
  example: {
    trigger: { type: "webhook", startOn: "heartbeat", url: "https://ci.example.com/hooks/deploy", method: "POST" },
  },
  fields: [],
  secrets: [],
};

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/** What the examples pass on. */
const VERSION = "{{ parameters.version }}";

/**
 * The trigger of the example, with null for each secret, `\0label\0` for what a field holds, and these parameters.
 * Placeholders can't reach a parameter whose name has a dot, a blank or a brace.
 */
function templateOf({ example, fields, secrets }: Product, names: readonly string[]): Schema {
  const reached = names.filter((name) => /^[^\s.{}]+$/.test(name));
  function passed(like: string): readonly (readonly [string, unknown])[] {
    const isUpper = like === like.toUpperCase();
    const named = (name: string) => (isUpper ? name.toUpperCase().replaceAll(/\W/g, "_") : name);
    return reached.map((name) => [named(name), `{{ parameters.${name} }}`]);
  }
  function marked(value: unknown, pointer: string): unknown {
    if (secrets.some((secret) => secret.pointer === pointer)) return null;
    if (typeof value === "string") {
      return fields.reduce((rest, { label, text }) => rest.replaceAll(text, `\0${label}\0`), value);
    }
    if (!isSchema(value)) return value;
    const members = Object.entries(value).flatMap(([name, one]) =>
      one === VERSION ? passed(name) : [[name, marked(one, pointer + stepOf(name))] as const],
    );
    return Object.fromEntries(members);
  }
  return marked(example.trigger, "/trigger") as Schema;
}

/**
 * From the fields of a product to its trigger, and back. A trigger that was made from fields is compared with the
 * product's, and gives the fields again. An empty field gives the example's text, so that the trigger has a URL. A field
 * that began with a good text stays empty. `values`: undefined before somebody types.
 */
export function triggerOf(product: Product, names: readonly string[], values?: Values): Schema {
  const textOf = ({ label, text, isGiven }: ProductField) =>
    values === undefined ? text : values[label] || (isGiven ? "" : text);
  const texts = new Map(product.fields.map((field) => [field.label, textOf(field)]));
  return JSON.parse(JSON.stringify(templateOf(product, names)), (_, value) =>
    typeof value === "string" ? value.replaceAll(/\0(.*?)\0/g, (_, label) => texts.get(label) ?? "") : value,
  );
}

/** What the editor of a new action begins with: the first product, and one parameter. */
export function newDefinition(): Schema {
  const parameter = { ...newParameter([]), name: "version" };
  const [trigger] = PRODUCTS.map((product) => triggerOf(product, ["version"]));
  return { parametersSchema: schemaWith(undefined, [parameter]), trigger };
}

/** The product whose webhook this is, and its fields. Null if it is another webhook. */
export function productOf(
  trigger: Schema,
  names: readonly string[],
): { readonly product: Product; readonly values: Values } | null {
  for (const product of PRODUCTS) {
    const found = new Map<string, string>();
    if (!fits(templateOf(product, names), trigger, found, true)) continue;
    const values = product.fields.map(({ label, text, isGiven }) => {
      const value = found.get(label) ?? "";
      return [label, value === text && !isGiven ? "" : value];
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

/** `isOpen`: the value may have members that the template lacks. Secrets may be null, typed, or a template for one. */
function fits(template: unknown, value: unknown, found: Map<string, string>, isOpen: boolean): boolean {
  if (typeof template === "string") return typeof value === "string" && fitsText(template, value, found);
  if (!isSchema(template)) return template === value;
  if (!isSchema(value)) return false;
  const names = Object.keys(template);
  if (!isOpen && names.length !== Object.keys(value).length) return false;
  return names.every((name) => {
    if (!Object.hasOwn(value, name)) return false;
    const [one, other] = [template[name], value[name]];
    if (name !== "headers" && name !== "secrets") return fits(one, other, found, name === "cancel");
    return (
      isSchema(one) && isSchema(other) && Object.keys(one).sort().join("\n") === Object.keys(other).sort().join("\n")
    );
  });
}

/** Reads the values between the fixed parts of a text. A field that stands twice has one value. */
function fitsText(template: string, text: string, found: Map<string, string>): boolean {
  // In turn a fixed part, and the label of a field.
  const parts = template.split("\0");
  const escaped = (part: string) => part.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  const pattern = parts.map((part, n) => (n % 2 === 0 ? escaped(part) : "(.*?)")).join("");
  const values = new RegExp(`^${pattern}$`, "s").exec(text)?.slice(1);
  return (values ?? [null]).every((value, n) => {
    const label = parts[2 * n + 1] ?? "";
    if (value === null || (found.get(label) ?? value) !== value) return false;
    found.set(label, value);
    return true;
  });
}
