/** Actions as a kind of definition, and the pages that store a new one or change one, with a preview of its request. */

import { leftOverWarning } from "../../words/typed-json.ts";
import { type EditorForm, EditorPage, ofDefinition } from "../definitions/definition-editor.tsx";
import type { DefinitionKind, View } from "../definitions/kind.ts";
import { secretsOf } from "../definitions/members.ts";
import { useWaitingNote } from "../gates/waiting-note.tsx";
import { useSession } from "../session/session.tsx";
import { useDialog } from "../ui/forms.tsx";
import { Button } from "../ui/parts.tsx";
import { ACTION_FIELDS, EVENT_SECRET, inWords, namesIn, pointersOfAction } from "./action-fields.ts";
import { DefinitionFields } from "./definition-fields.tsx";
import { newDefinition, type ProductSecret, productOf } from "./products.ts";
import { ActionTestDialog, RequestPreview, untestable, useTrialParameters } from "./request-preview.tsx";
import { isSchema, type Schema } from "./schema-form.ts";

export const ACTION = {
  noun: "action",
  of: "actions",
  list: "actions",
  namePlaceholder: "deploy",
  aboutNull:
    "Each null stands for a secret. Type it below, or leave its field empty to keep the stored one. A change takes effect within 30 seconds.",
  permission: "actions:manage",
  goneCode: "action_not_found",
  deletion:
    "Nobody can run it afterwards. Its secrets and versions are deleted, too. Runs that have begun continue, and so do those that wait.",
  madeSecret: {
    noun: "secret for events",
    advice: "The product that sends the events needs it.",
    overlap: "While it works, an event with either secret counts, so that the sender can change over.",
    member: "inboundSecret",
    rotate: (client, name, options) => client.actions.rotateInboundSecret(name, options),
  },
  fields: ACTION_FIELDS,
  inWords,
  viewOf,
  Fields: DefinitionFields,
} satisfies DefinitionKind;

/** `name`: of the action that is changed; null for a new one. */
export function ActionEditorPage({ name }: { readonly name: string | null }) {
  const { may } = useSession();
  const noteWaiting = useWaitingNote();
  const [dialog, open] = useDialog();
  return (
    <>
      <EditorPage
        kind={ACTION}
        name={name}
        first={newDefinition}
        onChanged={noteWaiting}
        also={({ change, save }) =>
          may("data:write") ? (
            <Button isBusy={change.isBusy} onClick={() => save("run")}>
              Save and run
            </Button>
          ) : null
        }
        beside={(form) => <Beside form={form} name={name} open={open} />}
      />
      {/* Outside of the editor's form, because it is a form, too. */}
      {dialog}
    </>
  );
}

interface BesideProps {
  readonly form: EditorForm;
  readonly name: string | null;
  readonly open: ReturnType<typeof useDialog>[1];
}

function Beside({ form: { definition, checked, explain }, name, open }: BesideProps) {
  const why = definition === null ? null : untestable(definition);
  const parameters = useTrialParameters(name, definition?.parametersSchema);
  function test() {
    const whole = checked();
    if (whole === null || parameters === null) return;
    const explained: EditorForm["explain"] = (error, afterLoss) => explain(ofDefinition(error), afterLoss);
    open((onClose) => <ActionTestDialog {...whole} parameters={parameters} explain={explained} onClose={onClose} />);
  }
  return (
    <RequestPreview
      name={name ?? ""}
      definition={definition}
      parameters={parameters}
      button={
        definition === null || parameters === null ? null : (
          <Button disabled={why !== null} title={why ?? undefined} onClick={test}>
            Send a test …
          </Button>
        )
      }
    />
  );
}

function viewOf(definition: Schema | null, base: object | undefined, isJson: boolean): Partial<View> {
  const read = isSchema(definition?.trigger) ? productOf(definition.trigger, namesIn(definition)) : null;
  const hint = secretsOf(base).includes(EVENT_SECRET) ? "" : "If you leave it empty, the service makes one.";
  const known: readonly ProductSecret[] = [
    ...(read?.product.secrets ?? []),
    { pointer: EVENT_SECRET, label: "Secret for events", hint },
  ];
  const pointers = pointersOfAction(definition);
  const hasNoGroup = !isJson && isSchema(definition?.concurrency) && definition.concurrency.group === "";
  const empty = hasNoGroup ? ["/concurrency/group"] : [];
  if (isJson || read === null) {
    return { known, pointers, empty, warning: leftOverWarning(definition, "or the job can't start") };
  }
  const missing = read.product.fields.filter(({ label }) => !read.values[label]);
  return {
    known,
    pointers,
    empty: [...missing.map(({ label }) => `/trigger/url/${label}`), ...empty],
    // A product's other headers are templates that need no secret of their own.
    secrets: secretsOf(definition).filter(
      (pointer) => pointer.endsWith("/signingSecret") || known.some((secret) => secret.pointer === pointer),
    ),
  };
}
