import { Bookmark } from "lucide-react";
import { useState } from "react";
import { Button } from "@/ui/Button";
import { Menu } from "@/ui/Menu";
import { SaveViewDialog } from "./SaveViewDialog";
import { ViewsDialog } from "./ViewsDialog";

/** What is shown, kept under a name for everybody in a project. */
export function ViewsMenu() {
  const [open, setOpen] = useState<"save" | "list" | null>(null);
  return (
    <>
      <Menu
        label="Views"
        items={[
          { label: "Save this view", onSelect: () => setOpen("save") },
          { label: "Saved views", onSelect: () => setOpen("list") },
        ]}
        trigger={(props) => (
          <Button icon={<Bookmark size={14} />} {...props}>
            Views
          </Button>
        )}
      />
      {open === "save" && <SaveViewDialog onClose={() => setOpen(null)} />}
      {open === "list" && <ViewsDialog onClose={() => setOpen(null)} />}
    </>
  );
}
