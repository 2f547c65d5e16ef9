/** The page "Actions". */

export function ActionsPage() {
  return (
    <div class="page">
      <h1>Actions</h1>
    </div>
  );
}
