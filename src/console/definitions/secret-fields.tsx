/** A password field for each secret that a definition leaves null. */
import type { ActionRunsError } from "../../client/index.ts";
import type { SecretMember } from "../actions/definition-shape.ts";
import type { ProductSecret } from "../actions/products.ts";
import { type Problems, TextField } from "../ui/forms.tsx";

interface SecretFieldsProps {
  readonly members: readonly SecretMember[];
  /** Whether they stand among other fields, and not in a group of their own. */
  readonly isInline?: boolean;
  /** What is known of the secrets of a product. */
  readonly known?: readonly ProductSecret[];
  /** What was typed, by pointer. */
  readonly typed: ReadonlyMap<string, string>;
  /** Secrets that the service has. An empty field keeps them. */
  readonly stored: ReadonlySet<string>;
  readonly problemAt: (pointer: string) => string | undefined;
  readonly onType: (pointer: string, text: string) => void;
}

const WRITTEN_ONCE = "Nobody can read a secret again, and no response shows it.";
const KEPT = "Leave it empty to keep the stored value.";
const MISSING = "The service has no stored value for this. Type the value.";
const MOVED = "The service keeps the stored value only for the address that it was stored for. Type the value again.";

export function SecretFields({ members, isInline = false, known = [], typed, stored, ...more }: SecretFieldsProps) {
  const { problemAt, onType } = more;
  if (members.length === 0) return null;
  const fields = members.map(({ pointer, name }) => {
    const about = known.find((secret) => secret.pointer === pointer);
    return (
      <TextField
        key={pointer}
        type="password"
        autocomplete="new-password"
        placeholder={stored.has(pointer) ? "••••••••" : undefined}
        label={about?.label ?? (isInline ? name : labelOf(pointer, name))}
        hint={[about?.hint, stored.has(pointer) ? KEPT : isInline ? WRITTEN_ONCE : ""].filter(Boolean).join(" ")}
        value={typed.get(pointer) ?? ""}
        error={problemAt(pointer)}
        onText={(text) => onType(pointer, text)}
      />
    );
  });
  if (isInline) return <>{fields}</>;
  return (
    <fieldset class="group stack gap-14">
      <legend>Secrets</legend>
      <p class="hint">{WRITTEN_ONCE}</p>
      {fields}
    </fieldset>
  );
}

/**
 * The form's words for a secret that the service can't keep; null for every other error. The service's own words name
 * members and null. `fields`: the pointers of the form. `stored`: those of secrets that the service has.
 */
export function secretProblem(
  { code, pointer }: ActionRunsError,
  fields: readonly string[],
  stored: ReadonlySet<string>,
): Problems | null {
  if (code !== "secret_required" || pointer === null || !fields.includes(pointer)) return null;
  return new Map([[pointer, stored.has(pointer) ? MOVED : MISSING]]);
}

function labelOf(pointer: string, name: string): string {
  if (pointer.endsWith("/signingSecret")) return "Signing secret (whsec_…)";
  if (pointer.startsWith("/trigger/cancel/")) return `Header ${name} of the stop request`;
  return pointer.includes("/headers/") ? `Header ${name}` : `Secret ${name}`;
}
