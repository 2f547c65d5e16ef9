/**
 * The webhooks that start a job at each product, made from a few fields. PURE. They are those of `examples/`.
 */
import { newParameter, schemaWith } from "./definition-shape.ts";
import { isSchema, type Schema } from "./schema-form.ts";

interface ProductField {
  readonly key: string;
  readonly label: string;
  readonly hint?: string;
  /** What stands in the definition while the field is empty. */
  readonly example: string;
  /** Whether the example is a good value, so that the field begins with it. */
  readonly isGiven?: boolean;
}

export interface ProductSecret {
  readonly pointer: string;
  readonly label: string;
  readonly hint: string;
  /** What is stored for what somebody typed. */
  readonly encode?: (text: string) => string;
}

type Values = Readonly<Record<string, string>>;

interface Product {
  readonly title: string;
  readonly about: string;
  readonly fields: readonly ProductField[];
  readonly secrets: readonly ProductSecret[];
  /** `passed`: the parameters of the run, by their names. */
  readonly trigger: (values: Values, passed: Values) => Schema;
}

const REPORT = { url: "{{ run.callbackUrl }}", token: "{{ run.callbackToken }}", id: "{{ run.id }}" };
const BRANCH = { key: "ref", label: "Branch or tag", example: "main", isGiven: true };
const VARIABLES = { RUN_ID: REPORT.id, CALLBACK_URL: REPORT.url, CALLBACK_TOKEN: REPORT.token };
const COMMON = { type: "webhook", startOn: "heartbeat" };

export const PRODUCTS: readonly Product[] = [
  {
    title: "GitHub Actions",
    about: "Starts a workflow by workflow_dispatch.",
    fields: [
      { key: "owner", label: "Owner", example: "YOUR_ORG" },
      { key: "repository", label: "Repository", example: "YOUR_REPOSITORY" },
      { key: "workflow", label: "Workflow file", example: "workflow-dispatch.yml", isGiven: true },
      BRANCH,
    ],
    secrets: [
      {
        pointer: "/trigger/secrets/githubToken",
        label: "GitHub token",
        hint: "A fine-grained token that may write Actions of this repository.",
      },
    ],
    trigger({ owner, repository, workflow, ref }, passed) {
      const actions = `https://api.github.com/repos/${owner}/${repository}/actions`;
      const headers = {
        Accept: "application/vnd.github+json",
        Authorization: "Bearer {{ secrets.githubToken }}",
        "X-GitHub-Api-Version": "2022-11-28",
      };
      const report = { run_id: REPORT.id, callback_url: REPORT.url, callback_token: REPORT.token };
      return {
        ...COMMON,
        url: `${actions}/workflows/${workflow}/dispatches`,
        headers,
        payload: { ref, inputs: { ...report, ...passed }, return_run_details: true },
        secrets: { githubToken: null },
        link: "{{ response.html_url }}",
        cancel: { url: `${actions}/runs/{{ response.workflow_run_id }}/cancel`, headers },
      };
    },
  },
  {
    title: "GitLab",
    about: "Starts a pipeline by a trigger token.",
    fields: [
      { key: "host", label: "Address", example: "https://gitlab.com", isGiven: true },
      { key: "project", label: "Project ID", example: "YOUR_PROJECT_ID" },
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
    trigger({ host, project, ref }, passed) {
      const api = `${host}/api/v4/projects/${project}`;
      return {
        ...COMMON,
        url: `${api}/trigger/pipeline`,
        payload: { token: "{{ secrets.triggerToken }}", ref, variables: VARIABLES, inputs: passed },
        secrets: { triggerToken: null, accessToken: null },
        link: "{{ response.web_url }}",
        cancel: {
          url: `${api}/pipelines/{{ response.id }}/cancel`,
          headers: { "PRIVATE-TOKEN": "{{ secrets.accessToken }}" },
        },
      };
    },
  },
  {
    title: "Jenkins",
    about: "Starts a build with parameters.",
    fields: [
      {
        key: "job",
        label: "Address of the job",
        hint: "As the browser shows it, without a slash at the end.",
        example: "https://jenkins.example.com/job/deploy",
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
    trigger: ({ job }, passed) => ({
      ...COMMON,
      url: `${job}/buildWithParameters`,
      headers: { Authorization: null, "Content-Type": "application/x-www-form-urlencoded" },
      payload: {
        ...VARIABLES,
        ...Object.fromEntries(
          Object.entries(passed).map(([name, text]) => [name.toUpperCase().replaceAll(/\W/g, "_"), text]),
        ),
      },
    }),
  },
  {
    title: "Azure DevOps",
    about: "Runs a pipeline.",
    fields: [
      { key: "organization", label: "Organization", example: "YOUR_ORGANIZATION" },
      { key: "project", label: "Project", example: "YOUR_PROJECT" },
      { key: "pipeline", label: "Pipeline ID", example: "YOUR_PIPELINE_ID" },
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
    trigger({ organization, project, pipeline, ref }, passed) {
      const apis = `https://dev.azure.com/${organization}/${project}/_apis`;
      const headers = { Authorization: "Basic {{ secrets.credentials }}" };
      return {
        ...COMMON,
        url: `${apis}/pipelines/${pipeline}/runs?api-version=7.1`,
        headers,
        payload: {
          resources: { repositories: { self: { refName: `refs/heads/${ref}` } } },
          templateParameters: passed,
          variables: {
            RUN_ID: { value: REPORT.id },
            CALLBACK_URL: { value: REPORT.url },
            CALLBACK_TOKEN: { value: REPORT.token, isSecret: true },
          },
        },
        secrets: { credentials: null },
        link: "{{ response._links.web.href }}",
        cancel: {
          method: "PATCH",
          url: `${apis}/build/builds/{{ response.id }}?api-version=7.1`,
          headers,
          payload: { status: "cancelling" },
        },
      };
    },
  },
];

/** What a trigger begins with if no product of the list receives it. */
export const ANY_WEBHOOK: Schema = { ...COMMON, url: "https://ci.example.com/hooks/deploy", method: "POST" };

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/** Placeholders for these parameters. Placeholders can't reach a name with a dot, a blank or a brace. */
function passedOf(names: readonly string[]): Values {
  const reached = names.filter((name) => /^[^\s.{}]+$/.test(name));
  return Object.fromEntries(reached.map((name) => [name, `{{ parameters.${name} }}`]));
}

/**
 * From the fields of a product to its trigger, and back. A trigger that was made from fields is compared with the
 * product's, and gives the fields again. An empty field gives its example, so that the trigger has a URL. A field with
 * a good example stays empty.
 */
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
