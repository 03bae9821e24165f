"""What passes through is not touched: results and arguments are compared byte
for byte, and what is no clean JSON-RPC does not pass."""

import json
import os
import tempfile
import unittest

from client import Client
from gateway import Gateway, backend

BIG = "9" * 30
# Results as backends write them; each must arrive as it is.
RESULTS = [
    '{"content":[]}',
    '{"content":null}',
    '{"content":[{"type":"text","text":"x"}],"isError":true}',
    '{"isError":false,"content":[],"structuredContent":{"b":1,"a":[2,{}]}}',
    f'{{"content":[],"number":{BIG}}}',
    f'{{"content":[],"number":-{BIG}.{BIG}e+10}}',
    '{"content":[],"n":[0,-0,1e0,1E+5,0.10,1.0,9007199254740993,1e400]}',
    '{"z":1,"content":[],"a":2,"m":3}',
    r'{"content":[{"type":"text","text":"\u00e9\u4e2d\ud83c\udfb5\/\b\f"}]}',
    '{"content":[{"type":"text","text":"é中🎵\u2028\u2029\u007f"}]}',
    r'{"content":[{"type":"text","text":"\u0000\u001b[2J\n\r\t"}]}',
    r'{"content":[{"type":"text","text":"event: message\r\n\r\ndata: x"}]}',
    r'{"content":[{"type":"text","text":"\ud800 lone \udfff"}]}',
    '{"content":[],"_meta":{"example.com/x":{"deep":[[[[]]]]}},"new":null}',
    '{ "content" : [ ] , "spaces"\t:  1 }',
    '{"content":[],"unknown":{"id":1,"method":"x","params":{},"result":2}}',
    '{"content":[],"":"","\\"":1," ":2}',
    '{"content":[{"type":"resource_link","uri":"https://x/y","name":"n"}]}',
    '[]', '"text"', '0', 'true', 'null',
    '{"content":[{"type":"text","text":"' + "x" * 1000000 + '"}]}',
    '{"content":' + "[" * 100 + "]" * 100 + "}",
]
# Arguments as clients write them.
ARGUMENTS = [
    f'{{"n":{BIG},"m":-{BIG}.5E-7}}', '{"b":1,"a":2}',
    r'{"s":"\u00e9\ud83c\udfb5\/\u0000"}', '{"s":"é中🎵"}', '{ "x" : [ 1 ] }',
    '{"name":"not/mine","_meta":{"progressToken":9},"id":3,"uri":"x"}',
    '{"":{"":{"":[]}}}', '{"a":"' + "x" * 200000 + '"}',
    '{"deep":' + "[" * 100 + "]" * 100 + "}",
]


class Fidelity(unittest.TestCase):
    """One gateway, one backend that writes down what it gets."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="mcpgw-record-")
        os.chmod(cls.folder, 0o777)
        cls.record = os.path.join(cls.folder, "record")
        cls.gateway = Gateway({"one": backend("--record", cls.record)})
        cls.client = Client(cls.gateway.address)
        cls.client.wait_tools("one/echo")

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        try:
            cls.gateway.stop()
        finally:
            cls.gateway.discard()

    def received(self):
        """All bytes that the backend got."""
        with open(self.record, "rb") as file:
            return file.read()

    def post(self, body, ident):
        """POST bytes and wait for the answer to them."""
        answer = self.client.post(body)
        self.assertEqual(answer.status, 202, body[:200])
        return self.client.outcome(ident)

    def test_results_arrive_byte_for_byte(self):
        for result in RESULTS:
            with self.subTest(result[:80]):
                message = self.client.call("one/raw", {"result": result})
                self.assertTrue(
                    message.raw.endswith(b'"result":' + result.encode() +
                                         b"}"), message.raw[:500])

    def test_errors_arrive_with_their_code_text_and_data(self):
        for code, message, data in (
                (-32000, "plain", None), (-32603, "Ünï\n\x1b", {"a": [1]}),
                (1, "", "text"), (-32042, "elicit", {"elicitations": []})):
            error = self.client.call("one/error", {
                "code": code, "message": message, "data": data}).error
            self.assertEqual((error["code"], error["message"]),
                             (code, message))
            self.assertEqual(error.get("data"), data)

    def test_arguments_arrive_byte_for_byte(self):
        for number, arguments in enumerate(ARGUMENTS):
            with self.subTest(arguments[:80]):
                ident = f'"arguments {number}"'
                self.post(
                    f'{{"jsonrpc":"2.0","id":{ident},"method":"tools/call",'
                    f'"params":{{"arguments":{arguments},"unknown":[1.0],'
                    f'"name":"one/echo"}}}}'.encode(), ident)
                line = self.received().splitlines()[-1]
                self.assertIn(b'"params":{"arguments":' + arguments.encode() +
                              b',"unknown":[1.0],"name":"echo"}', line)

    def test_line_breaks_between_tokens_do_not_break_lines(self):
        self.post(b'{\r\n"jsonrpc":"2.0",\n"id":"lines",\r"method":\n'
                  b'"tools/call","params":{\n"name":"one/echo",\n'
                  b'"arguments":{"text":\n"x"\r\n}\n}\n}\n', '"lines"')
        line = self.received().splitlines()[-1]
        self.assertEqual(json.loads(line)["params"]["arguments"],
                         {"text": "x"})

    def test_escapes_in_names_and_methods_mean_what_they_say(self):
        message = self.post(
            rb'{"jsonrpc":"2.0","id":"escapes","method":"tools\/c\u0061ll",'
            rb'"params":{"n\u0061me":"one\/\u0065cho",'
            rb'"arguments":{"text":"y"}}}', '"escapes"')
        self.assertEqual(message.result["content"][0]["text"], "y")

    def test_what_is_ambiguous_never_reaches_a_backend(self):
        call = ('{{"jsonrpc":"2.0","id":{id},"method":"tools/call",'
                '"params":{{"name":"one/echo","arguments":{{"text":"evil"}}'
                '{more}}}{end}}}')
        bad = [
            call.format(id=1, more="", end=',"method":"ping"'),
            call.format(id=1, more="", end=',"id":2'),
            call.format(id=1, more="", end=',"m\\u0065thod":"ping"'),
            call.format(id=1, more="", end=',"params":{}'),
            call.format(id=1, more=',"name":"one/exit"', end=""),
            call.format(id=1, more=',"n\\u0061me":"one/exit"', end=""),
            call.format(id=1, more=',"arguments":{"text":"2"}', end=""),
            call.format(id=1, more=',"_meta":{"progressToken":1,'
                        '"progressToken":2}', end=""),
            call.format(id=1, more=',"a\\u0000":1', end=""),
            call.format(id=1, more="", end=',"result":{}'),
            call.format(id="null", more="", end=""),
            call.format(id="{}", more="", end=""),
            call.format(id=1, more=',"deep":' + "[" * 1000 + "]" * 1000,
                        end=""),
            call.format(id=1, more="", end="").replace('"2.0"', '"1.0"'),
            call.format(id=1, more="", end="").replace('"2.0"', "2.0"),
            call.format(id=1, more="", end="") * 2,
            "[" + call.format(id=1, more="", end="") + "]",
        ]
        bad = [text.encode() for text in bad]
        good = call.format(id=1, more="", end="").encode()
        for wrong in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80"
                      b"\x80", b"\x00", b"\x1f", b"\xe4\xb8", b"\n"):
            bad.append(good.replace(b"evil", b"evil" + wrong))
        before = self.received()
        for body in bad:
            with self.subTest(body[:200]):
                self.assertIn(self.client.post(body).status, (202, 400))
        self.client.request("ping")
        self.client.call("one/text", {"text": "good"}).result
        after = self.received()[len(before):]
        self.assertNotIn(b"evil", after)
        self.assertEqual(after.count(b"\n"), 1)


class Lists(unittest.TestCase):
    """What is listed."""

    def test_the_items_of_lists_keep_all_their_members(self):
        item = ('{"title":"T","name":"odd","inputSchema":{"type":"object",'
                f'"maximum":{BIG},"x-y":[1.0,"\\u00e9"]}},"outputSchema":'
                '{"type":"object"},"annotations":{"readOnlyHint":true},'
                '"icons":[],"execution":{"taskSupport":"optional"},'
                '"_meta":{"a/b":null},"description":"é \\u202e","new":1}')
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write(f"[{item}]")
            file.flush()
            with Gateway({"one": backend("--list", file.name)}) as gateway, \
                    Client(gateway.address) as client:
                client.wait_tools("one/odd")
                message = client.request("tools/list")
                # There are no tasks: what says so is left out.
                shown = item.replace('"odd"', '"one/odd"').replace(
                    '"execution":{"taskSupport":"optional"},', "")
                self.assertIn(shown.encode(), message.raw)


if __name__ == "__main__":
    unittest.main()
