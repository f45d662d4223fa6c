import { Children, isValidElement, type ReactNode } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import { Table } from "@/ui/Table";
import { BLOCKS } from "./block";
import { LiveBlock } from "./LiveBlock";
import styles from "./Markdown.module.css";

/** Markdown as elements of the page. HTML in it stays text; charts in it are alive. */
export function Markdown({ text }: { text: string }) {
  return (
    <div className={styles.prose}>
      <ReactMarkdown remarkPlugins={PLUGINS} components={COMPONENTS}>
        {text}
      </ReactMarkdown>
    </div>
  );
}

const PLUGINS = [remarkGfm];

/** Titles of the page come first: those of a note stand below them. */
const COMPONENTS: Components = {
  h1: ({ children }) => <h2>{children}</h2>,
  h2: ({ children }) => <h3>{children}</h3>,
  h3: ({ children }) => <h4>{children}</h4>,
  table: ({ children }) => <Table>{children}</Table>,
  pre: ({ children }) => <Fence>{children}</Fence>,
};

function Fence({ children }: { children?: ReactNode }) {
  const [code] = Children.toArray(children);
  if (isValidElement<{ className?: string; children?: ReactNode }>(code)) {
    const kind = BLOCKS.find((each) => code.props.className === `language-${each}`);
    if (kind) return <LiveBlock kind={kind} text={String(code.props.children)} />;
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls is reached by keyboard
    <pre tabIndex={0}>{children}</pre>
  );
}
