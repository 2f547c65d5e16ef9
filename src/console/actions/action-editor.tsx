/** The pages that store a new action or change one, with a preview of its request. */
import type { ComponentProps } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { PutAction, Schemas, Stored } from "../../client/index.ts";
import { leftOverWarning } from "../../words/typed-json.ts";
import { DefinitionEditor, type EditorForm, EditorPage, ofDefinition } from "../definitions/definition-editor.tsx";
import { type DefinitionKind, operationsOf, type View } from "../definitions/kind.ts";
import { useWaitingNote } from "../gates/waiting-note.tsx";
import { hrefOf, useRouter } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/parts.tsx";
import { ActionTestDialog, untestable } from "./action-test.tsx";
import { DefinitionFields, pointersOfFields } from "./definition-fields.tsx";
import { EVENT_SECRET, parametersIn, SHOWN, secretsOf } from "./definition-shape.ts";
import { inWords } from "./field-words.ts";
import { newDefinition, type ProductSecret, productOf } from "./products.ts";
import { RequestPreview, useTrialParameters } from "./request-preview.tsx";
import { isSchema, type Schema } from "./schema-form.ts";

export type StoredAction = Stored<Schemas["Action"]> & Partial<Pick<PutAction, "inboundSecret">>;

const ABOUT_NULL =
  "Each null stands for a secret. Type it below, or leave its field empty to keep the stored one. A change takes effect within 30 seconds.";

export function useActionKind(): DefinitionKind<StoredAction> {
  const { client, scope, reader } = useSession();
  return useMemo(
    () => ({
      noun: "action",
      namePlaceholder: "deploy",
      aboutNull: ABOUT_NULL,
      permission: "actions:manage",
      all: "All actions",
      list: { name: "actions", ...scope },
      pageOf: (action) => ({ name: "action", action, ...scope }),
      goneCode: "action_not_found",
      deletion:
        "Nobody can run it afterwards. Its secrets and versions are deleted, too. Runs that have begun continue, and so do those that wait.",
      ...operationsOf<StoredAction, Schemas["ActionDefinition"]>(client.actions, reader.actions),
      secretsOf,
      madeSecret: {
        noun: "secret for events",
        advice: "The product that sends the events needs it.",
        overlap: "While it works, an event with either secret counts, so that the sender can change over.",
        of: ({ inboundSecret = null }) => inboundSecret,
        rotate: client.actions.rotateInboundSecret,
      },
      shown: SHOWN,
      inWords,
      viewOf,
      Fields: DefinitionFields,
    }),
    [client, reader, scope],
  );
}

/** `name`: of the action that is changed; null for a new one. */
export function ActionEditorPage({ name }: { readonly name: string | null }) {
  const kind = useActionKind();
  return (
    <EditorPage kind={kind} name={name}>
      {(stored) => <ActionEditor kind={kind} stored={stored} />}
    </EditorPage>
  );
}

interface ActionEditorProps {
  readonly kind: DefinitionKind<StoredAction>;
  /** What the editor changes; null for a new action. */
  readonly stored: StoredAction | null;
}

function ActionEditor({ kind, stored }: ActionEditorProps) {
  const { may } = useSession();
  const router = useRouter();
  const noteWaiting = useWaitingNote();
  const [asked, setAsked] = useState<AskedTest | null>(null);
  /** `query`: what the page of the action shows besides. */
  function leave(put: StoredAction, query = "") {
    if (stored !== null && put.version !== stored.version) noteWaiting(put.name);
    router.navigate(hrefOf(kind.pageOf(put.name), query), { isSafe: true });
  }
  return (
    <>
      <DefinitionEditor
        kind={kind}
        stored={stored}
        first={newDefinition}
        onSaved={leave}
        also={({ change, save }) =>
          may("data:write") ? (
            <Button isBusy={change.isBusy} onClick={() => save((put) => leave(put, "run"))}>
              Save and run
            </Button>
          ) : null
        }
        beside={(form) => <Beside form={form} stored={stored} onTest={setAsked} />}
      />
      {/* Outside of the editor's form, because it is a form, too. */}
      {asked === null ? null : <ActionTestDialog {...asked} onClose={() => setAsked(null)} />}
    </>
  );
}

type AskedTest = Omit<ComponentProps<typeof ActionTestDialog>, "onClose">;

interface BesideProps {
  readonly form: EditorForm<StoredAction>;
  readonly stored: StoredAction | null;
  readonly onTest: (asked: AskedTest) => void;
}

/** What the request would be, and a button that really sends it. */
function Beside({ form, stored, onTest }: BesideProps) {
  const { definition, checked, explain } = form;
  const why = definition === null ? null : untestable(definition);
  const parameters = useTrialParameters(stored?.name ?? null, definition?.parametersSchema);
  return (
    <RequestPreview
      name={stored?.name ?? ""}
      definition={definition}
      parameters={parameters}
      button={
        definition === null || parameters === null ? null : (
          <Button
            disabled={why !== null}
            title={why ?? undefined}
            onClick={() => {
              const whole = checked();
              if (whole !== null)
                onTest({
                  ...whole,
                  parameters,
                  explain: (error, afterLoss) => explain(ofDefinition(error), afterLoss),
                });
            }}
          >
            Send a test …
          </Button>
        )
      }
    />
  );
}

function viewOf(definition: Schema | null, base: object | undefined, isJson: boolean): View {
  const read = definition === null ? null : productIn(definition);
  const isWhole = isJson || read === null;
  const kept = new Set(secretsOf(base).map(({ pointer }) => pointer));
  return {
    secrets: secretsOf(definition).filter(({ pointer }) => isWhole || isTyped(pointer, read)),
    known: [...(read?.product.secrets ?? []), eventSecret(kept)],
    kept,
    pointers: pointersOfFields(definition),
    empty: [
      ...(isWhole
        ? []
        : read.product.fields.filter(({ key }) => !read.values[key]).map(({ key }) => `/trigger/url/${key}`)),
      ...(!isJson && isSchema(definition?.concurrency) && definition.concurrency.group === ""
        ? ["/concurrency/group"]
        : []),
    ],
    warning: isWhole ? leftOverWarning(definition, "or the job can't start") : null,
  };
}

function eventSecret(kept: ReadonlySet<string>): ProductSecret {
  const hint = kept.has(EVENT_SECRET) ? "" : "If you leave it empty, the service makes one.";
  return { pointer: EVENT_SECRET, label: "Secret for events", hint, encode: String };
}

type ReadProduct = ReturnType<typeof productOf>;

function productIn({ trigger, parametersSchema }: Schema): ReadProduct {
  const names = (parametersIn(parametersSchema) ?? []).map(({ name }) => name);
  return isSchema(trigger) ? productOf(trigger, names) : null;
}

/** Whether people type this secret. A product's other headers are templates that need no secret of their own. */
function isTyped(pointer: string, { product }: NonNullable<ReadProduct>): boolean {
  return (
    pointer === EVENT_SECRET ||
    pointer.endsWith("/signingSecret") ||
    product.secrets.some((secret) => secret.pointer === pointer)
  );
}
