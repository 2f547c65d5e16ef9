/** The page "Tokens". */

export function TokensPage() {
  return (
    <div class="page">
      <h1>Tokens</h1>
    </div>
  );
}
