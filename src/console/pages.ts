/** Which address shows which page, in both directions. PURE. The server sends the console for exactly these paths. */

/** The organization and the project of a page. */
export interface Project {
  readonly o: string;
  readonly p: string;
}

export interface Scope extends Project {
  readonly envName: string;
}

/** Hyphens are escaped in sets, because URLPattern reads its expressions as those with the flag `v`. */
const NAME = "([a-z0-9][a-z0-9\\-]{0,62})";
const DEFINITION = "([A-Za-z0-9][A-Za-z0-9._\\-]{0,62})";
const ID = "([0-9A-Fa-f\\-]{36})";
/** The hyphen keeps pages apart from an organization whose name is `console`. */
const PROJECT = `/console/-/:o${NAME}/:p${NAME}` as const;
const SCOPE = `${PROJECT}/:envName${NAME}` as const;

/** The path of each page. Its groups are the members of the page. */
const PATHS = {
  "sign-in": "/console",
  // After a sign-in at the issuer: what the person may open.
  choice: "/console/sign-in",
  // A session for the command line.
  cli: "/console/cli",
  runs: `${SCOPE}/runs`,
  run: `${SCOPE}/runs/:id${ID}`,
  operations: `${SCOPE}/bulk-operations`,
  operation: `${SCOPE}/bulk-operations/:id${ID}`,
  actions: `${SCOPE}/actions`,
  action: `${SCOPE}/actions/:action${DEFINITION}`,
  // No action has a hyphen for its name.
  "new-action": `${SCOPE}/actions/-/new`,
  "edit-action": `${SCOPE}/actions/:action${DEFINITION}/edit`,
  schedules: `${SCOPE}/schedules`,
  schedule: `${SCOPE}/schedules/:schedule${DEFINITION}`,
  "new-schedule": `${SCOPE}/schedules/-/new`,
  "edit-schedule": `${SCOPE}/schedules/:schedule${DEFINITION}/edit`,
  approvals: `${SCOPE}/approvals`,
  groups: `${SCOPE}/groups`,
  notifications: `${SCOPE}/notifications`,
  endpoint: `${SCOPE}/notifications/:endpoint${DEFINITION}`,
  "new-endpoint": `${SCOPE}/notifications/-/new`,
  "edit-endpoint": `${SCOPE}/notifications/:endpoint${DEFINITION}/edit`,
  tokens: `${PROJECT}/tokens`,
  audit: `${PROJECT}/audit`,
} as const;

type Name = keyof typeof PATHS;
type GroupsOf<Path> = Path extends `${string}/:${infer Group}(${infer Rest}` ? Group | GroupsOf<Rest> : never;

export type Page = { [N in Name]: { readonly name: N } & Readonly<Record<GroupsOf<(typeof PATHS)[N]>, string>> }[Name];

const PATTERNS = Object.entries(PATHS).map(([name, pathname]) => [name, new URLPattern({ pathname })] as const);

/** The page at a path. Null if no page has this path. */
export function pageAt(pathname: string): Page | null {
  for (const [name, pattern] of PATTERNS) {
    const groups = pattern.exec({ pathname })?.pathname.groups;
    // The pattern of a page has exactly the members of that page.
    if (groups !== undefined) return { name, ...groups } as Page;
  }
  return null;
}

/** The path of a page, without a query. */
export function pathOf(page: Page): string {
  const values: Readonly<Record<string, string>> = page;
  return PATHS[page.name].replaceAll(/:(\w+)\([^()]*\)/g, (_, member: string) => values[member] ?? "");
}

/** The scope that a page names. The environment is null on a page of the whole project. */
export function scopeOf(page: Page): (Project & { readonly envName: string | null }) | null {
  if (!("o" in page)) return null;
  return { o: page.o, p: page.p, envName: "envName" in page ? page.envName : null };
}
