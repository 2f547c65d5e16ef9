/** Stores a new endpoint or changes one, and tries it before. A new signing secret is shown once. */

import { useMemo, useState } from "preact/hooks";
import { ActionRunsError, type PutEndpoint, type StoredEndpoint, type WebhookEndpoint } from "../../client/index.ts";
import { leftOverWarning } from "../../client/left-over.ts";
import type { Schema } from "../actions/schema-form.ts";
import {
  DefinitionEditor,
  type DefinitionKind,
  type EditorForm,
  type View,
} from "../definitions/definition-editor.tsx";
import { pathOf } from "../routes/pages.ts";
import { useRouter } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { ShownSecret } from "../tokens/shown-secret.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { problemsOf } from "../ui/use-change.ts";
import { EndpointFields } from "./endpoint-fields.tsx";
import { keptSecrets, pointersOf, secretsOf, unshownMember } from "./endpoint-shape.ts";
import { firstDefinition, OWN, type Receiver } from "./receivers.ts";
import { type Tested, TestResult } from "./test-result.tsx";

interface EndpointEditorProps {
  /** What the editor changes; null for a new endpoint. */
  readonly stored: StoredEndpoint | null;
  /** Whose payload a new endpoint begins with. */
  readonly receiver?: Receiver;
  readonly onClose: () => void;
  /** Called when a read or a save shows another version than before. */
  readonly onStored: () => void;
}

type Put = StoredEndpoint & Partial<Pick<PutEndpoint, "signingSecret">>;

const ABOUT_NULL =
  "null for url keeps the stored URL, and then null keeps each other secret, too. A change takes effect within 30 seconds.";
const AFTER_LOST_TEST = "The receiver may have got this message. Another try sends a second one.";

export function EndpointEditor({ stored, receiver = OWN, onClose, onStored }: EndpointEditorProps) {
  const { client, scope, reader } = useSession();
  const router = useRouter();
  const [tested, setTested] = useState<Tested | null>(null);
  const [made, setMade] = useState<Put | null>(null);
  const kind = useMemo<DefinitionKind<Put>>(
    () => ({
      noun: "endpoint",
      namePlaceholder: "chat",
      aboutNull: ABOUT_NULL,
      pageOf: (endpoint) => ({ name: "endpoint", endpoint, ...scope }),
      put: (name, definition, options) => client.webhookEndpoints.put(name, definition as WebhookEndpoint, options),
      get: reader.webhookEndpoints.get,
      goneCode: "webhook_endpoint_not_found",
      unshownMember,
      viewOf,
      Fields: EndpointFields,
    }),
    [client, reader, scope],
  );

  function leave({ name }: Put) {
    onClose();
    if (stored === null) router.navigate(pathOf({ name: "endpoint", endpoint: name, ...scope }));
  }

  function test({ change, checked, pointers, explain }: EditorForm<Put>) {
    setTested(null);
    const asked = checked();
    if (asked === null) return;
    change.submit({
      send: ({ signal }) =>
        reader.webhookEndpoints.test(asked.name, { definition: asked.body as WebhookEndpoint }, { signal }),
      done: setTested,
      // The definition is a member of this request.
      explain: (error) => {
        const pointer = error.pointer?.replace(/^\/definition/, "") ?? null;
        const message = error.message.replace(/^definition\.?/, "");
        const told = new ActionRunsError(message, { ...error, pointer });
        return explain(told) ?? problemsOf(told, pointers, AFTER_LOST_TEST);
      },
    });
  }

  if (made?.signingSecret) {
    return (
      <Dialog title="The signing secret" onClose={() => leave(made)} isKept>
        <ShownSecret
          label="Signing secret"
          what={`the signing secret of ${made.name}`}
          secret={made.signingSecret}
          onClose={() => leave(made)}
        >
          <SecretAdvice />
        </ShownSecret>
      </Dialog>
    );
  }
  return (
    <DefinitionEditor<Put>
      kind={kind}
      stored={stored}
      onClose={onClose}
      onStored={onStored}
      first={() => firstDefinition(receiver)}
      onSaved={(put) => (put.signingSecret ? setMade(put) : leave(put))}
      besides={tested === null ? null : <TestResult result={tested} />}
      also={(form) => (
        <Button isBusy={form.change.isBusy} onClick={() => test(form)}>
          Send test
        </Button>
      )}
    />
  );
}

export function SecretAdvice() {
  return <p>A program of yours verifies each message with it. A chat needs no signing secret, so you can leave it.</p>;
}

function viewOf(definition: Schema | null, base: object | undefined, isJson: boolean): View {
  const isNew = base === undefined;
  return {
    secrets: secretsOf(definition),
    known: [],
    kept: keptSecrets(base, definition),
    pointers: pointersOf(definition),
    empty: isNew && !isJson && definition?.url === null ? ["/url"] : [],
    warning: leftOverWarning(definition, "or no message can arrive"),
  };
}
