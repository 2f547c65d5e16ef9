/**
 * The webhooks that start a job at each product, made from a few fields. PURE. They are those of `examples/`.
 */

import type { Schema } from "./schema-form.ts";

export interface ProductField {
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

export type Values = Readonly<Record<string, string>>;

export interface Product {
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
