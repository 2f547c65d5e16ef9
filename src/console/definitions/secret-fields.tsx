/** A password field for each secret that a definition leaves null. */

import type { ProductSecret } from "../actions/products.ts";
import type { SecretMember } from "../actions/secret-members.ts";
import { TextField } from "../ui/field.tsx";

interface SecretFieldsProps {
  readonly members: readonly SecretMember[];
  /** What is known of the secrets of a product. */
  readonly known?: readonly ProductSecret[];
  /** What was typed, by pointer. */
  readonly typed: ReadonlyMap<string, string>;
  /** Secrets that the service has. An empty field keeps them. */
  readonly stored: ReadonlySet<string>;
  readonly problemAt: (pointer: string) => string | undefined;
  readonly onType: (pointer: string, text: string) => void;
}

const KEPT = "Leave it empty to keep the stored value.";

export function SecretFields({ members, known = [], typed, stored, ...more }: SecretFieldsProps) {
  const { problemAt, onType } = more;
  if (members.length === 0) return null;
  return (
    <fieldset class="group">
      <legend>Secrets</legend>
      <p class="hint">Nobody can read a secret again, and no response shows it.</p>
      {members.map(({ pointer, name }) => {
        const about = known.find((secret) => secret.pointer === pointer);
        return (
          <TextField
            key={pointer}
            type="password"
            autocomplete="new-password"
            label={about?.label ?? labelOf(pointer, name)}
            hint={[about?.hint, stored.has(pointer) ? KEPT : ""].filter(Boolean).join(" ")}
            value={typed.get(pointer) ?? ""}
            error={problemAt(pointer)}
            onText={(text) => onType(pointer, text)}
          />
        );
      })}
    </fieldset>
  );
}

function labelOf(pointer: string, name: string): string {
  if (pointer.endsWith("/signingSecret")) return "Signing secret (whsec_…)";
  if (pointer.startsWith("/trigger/cancel/")) return `Header ${name} of the stop request`;
  return pointer.includes("/headers/") ? `Header ${name}` : `Secret ${name}`;
}
