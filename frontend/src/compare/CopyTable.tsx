import { Copy } from "lucide-react";
import { Button } from "@/ui/Button";
import { useToast } from "@/ui/toast";
import { asCsv, asMarkdown, type TextTable } from "./summary";

/** Puts a table on the clipboard, for a text or for a spreadsheet. */
export function CopyTable({ what, table }: { what: string; table: TextTable }) {
  const toast = useToast();
  const copy = async (format: string, text: string) => {
    await navigator.clipboard.writeText(text);
    toast({ text: `${what} copied as ${format}` });
  };
  return (
    <>
      <Button
        small
        icon={<Copy size={14} />}
        onClick={() => void copy("Markdown", asMarkdown(table))}
      >
        Copy Markdown
      </Button>
      <Button small icon={<Copy size={14} />} onClick={() => void copy("CSV", asCsv(table))}>
        Copy CSV
      </Button>
    </>
  );
}
