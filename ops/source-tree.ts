// Reads the repository as the architecture test sees it: which files are there, what each one imports.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

export interface SourceImport {
  /** As written: `../db/store.ts`, `xstate`, `node:fs`. Null when it is computed at run time. */
  readonly specifier: string | null;
  readonly line: number;
  /** `export ... from`: the file passes on what it imports. */
  readonly passedOn: boolean;
}

export interface SourceFacts {
  readonly imports: readonly SourceImport[];
  /** Statements at the top level that are neither imports nor re-exports. */
  readonly ownStatements: number;
}

const SKIPPED = new Set(['node_modules', 'build', '.svelte-kit', '.tessera', '.git', '.vitest']);
const SOURCE = /\.(ts|js|svelte)$/;

export const isSource = (path: string): boolean => SOURCE.test(path) && !path.endsWith('.d.ts');

/** Every file under `root`, as paths with slashes, without what is installed, built or written. */
export function listFiles(root: string, folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : listFiles(root, path);
    return [path];
  });
}

export function readFacts(root: string, path: string): SourceFacts {
  return factsOf(path, readFileSync(join(root, path), 'utf8'));
}

/** Parsed, not matched by pattern: comments and strings that look like imports are not imports. */
export function factsOf(path: string, text: string): SourceFacts {
  const script = path.endsWith('.svelte') ? scriptsOf(text) : text;
  const kind = path.endsWith('.js') ? ts.ScriptKind.JS : ts.ScriptKind.TS;
  const file = ts.createSourceFile(path, script, ts.ScriptTarget.ESNext, false, kind);
  const imports: SourceImport[] = [];
  const found = (node: ts.Node, specifier: ts.Node | undefined, passedOn = false): void => {
    const literal = specifier !== undefined && ts.isStringLiteralLike(specifier);
    const line = file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
    imports.push({ specifier: literal ? specifier.text : null, line, passedOn });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) found(node, node.moduleSpecifier);
    else if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
      found(node, node.moduleSpecifier, true);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      found(node, node.argument.literal);
    } else if (ts.isCallExpression(node) && loadsModule(node.expression)) {
      found(node, node.arguments[0]);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  const own = file.statements.filter(
    (statement) =>
      !ts.isImportDeclaration(statement) &&
      !(ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined),
  );
  return { imports, ownStatements: own.length };
}

const loadsModule = (callee: ts.Expression): boolean =>
  callee.kind === ts.SyntaxKind.ImportKeyword ||
  (ts.isIdentifier(callee) && callee.text === 'require');

/** The script blocks of a Svelte component, everything else blanked so that line numbers hold. */
function scriptsOf(text: string): string {
  const blank = (part: string): string => part.replaceAll(/[^\n]/g, ' ');
  let script = '';
  let from = 0;
  for (const match of text.matchAll(/<script\b[^>]*>([\s\S]*?)<\/script>/g)) {
    const start = match.index + match[0].indexOf('>') + 1;
    const end = start + (match[1] ?? '').length;
    script += blank(text.slice(from, start)) + text.slice(start, end);
    from = end;
  }
  return script + blank(text.slice(from));
}
