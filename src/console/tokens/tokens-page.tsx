/** The page "Tokens": the API tokens of the project that the session's token may manage. */

import { useState } from "preact/hooks";
import type { ApiToken } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { Empty } from "../ui/empty.tsx";
import { ListPage, useListPage } from "../ui/list-page.tsx";
import { NewTokenDialog } from "./new-token-dialog.tsx";
import { NotYours } from "./not-yours.tsx";
import { RevokeDialog } from "./revoke-dialog.tsx";
import { RotateDialog } from "./rotate-dialog.tsx";
import { SessionsSection } from "./sessions-section.tsx";
import { TokenTable } from "./token-table.tsx";

export function TokensPage() {
  const { may } = useSession();
  return may("tokens:manage") ? <Tokens /> : <NotYours what="tokens" />;
}

function Tokens() {
  const { reader } = useSession();
  const loaded = useListPage(reader.tokens);
  const [isNew, setNew] = useState(false);
  const [rotating, setRotating] = useState<ApiToken | null>(null);
  const [revoking, setRevoking] = useState<ApiToken | null>(null);
  return (
    <>
      <ListPage
        title="Tokens"
        of="tokens"
        loaded={loaded}
        button={
          <Button kind="primary" onClick={() => setNew(true)}>
            New token
          </Button>
        }
      >
        {({ tokens }) => (
          <>
            {tokens.length === 0 ? (
              <Empty title="There are no more tokens" />
            ) : (
              <TokenTable tokens={tokens} onRotate={setRotating} onRevoke={setRevoking} />
            )}
            {loaded.isFirst ? <SessionsSection /> : null}
          </>
        )}
      </ListPage>
      {isNew ? <NewTokenDialog onClose={() => setNew(false)} onCreated={loaded.reload} /> : null}
      {rotating === null ? null : (
        <RotateDialog token={rotating} onClose={() => setRotating(null)} onRotated={loaded.reload} />
      )}
      {revoking === null ? null : (
        <RevokeDialog token={revoking} onClose={() => setRevoking(null)} onRevoked={loaded.reload} />
      )}
    </>
  );
}
