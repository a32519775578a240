// Reads ESC/POS with npos, an interpreter that is not ours, and writes what it found as JSON.
//   node escpos.js FOLDER-WITH-NODE_MODULES FILE
// npos 0.1.19 does not know GS ( k (QR codes) and Citizen's GS R; its rules can be extended: the first gets its general rule
// for "GS ( X pL pH", the second has two parameters where we use it.
'use strict';
const fs = require('fs');
const path = require('path');
const [, , tools, file] = process.argv;
const load = (name) => require(path.join(tools, 'node_modules', name));
const npos = load('npos');
const iconv = load('iconv-lite');
const rules = load('npos/lib/parser/rules');
rules[0x1d]['(k'] = [0, 'd16'];
rules[0x1d].R = 2;

const raw = fs.readFileSync(file);
const ast = npos.parser(rules).analyze(raw);
if (ast.error) {
  console.error(String(ast.error));
  process.exit(1);
}
const slice = (node, from) => raw.subarray(node.offset + from, node.offset + node.length);
const text = [];
const pictures = [];
const codes = [];
const commands = [];
for (const node of ast.tree) {
  const name = node.ascii + (node.fn || '');
  if (node.code === 2) {
    text.push(slice(node, 0));
    continue;
  }
  if (node.code === 10) {
    text.push(Buffer.from('\n'));
    continue;
  }
  commands.push(name);
  if (name === 'GSv0') {
    const head = slice(node, 4);
    const width = head.readUInt16LE(0);
    const height = head.readUInt16LE(2);
    pictures.push({ width, height, rows: head.subarray(4, 4 + width * height).toString('hex') });
  }
  if (name === 'GS(k') {
    const data = slice(node, 5);
    if (data[1] === 0x50) codes.push(data.subarray(3).toString('latin1'));
  }
}
console.log(JSON.stringify({ text: iconv.decode(Buffer.concat(text), 'Shift_JIS'), pictures, codes, commands }));
