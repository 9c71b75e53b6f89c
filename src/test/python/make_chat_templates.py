"""Renders chat templates with transformers, as expectations for the tests of this project.

Needs transformers 5.17.0 and Jinja2 3.1.6; torch is not needed:

    python src/test/python/make_chat_templates.py src/test/resources/chat-templates.json

Every template is rendered for every message shape. What fails is recorded with the kind of the error.
"""

import json
import sys

import jinja2
from transformers.utils.chat_template_utils import render_jinja_template

IMAGE_START = "<|dit_token_16384|>"
IMAGE_END = "<|dit_token_16385|>"
FRAME = IMAGE_START + "<|image|>" + IMAGE_END

SPECIAL = {
    "bos_token": IMAGE_START,
    "eos_token": IMAGE_END,
    "pad_token": "<|endoftext|>",
    "image_token": "<|image|>",
    "grid_bos_token": "<sop>",
    "grid_eos_token": "<eop>",
}


class Image:
    """Stands for a source image, which templates can test for but not read."""

    def __str__(self):
        return "<image>"

    __repr__ = __str__


def image():
    return {"type": "image", "image": Image()}


def text(value):
    return {"type": "text", "text": value}


def user(*content):
    return {"role": "user", "content": list(content)}


SHAPES = {
    "text": [user(text("Make the sky green."))],
    "one source": [user(image(), text("Make the sky green."))],
    "three sources": [user(image(), image(), image(), text("Place the hat on the cat."))],
    "empty text": [user(image(), text(""))],
    "spaces": [user(image(), text("  two spaces,\n a line end and a tab\t \n"))],
    "code": [user(image(), text("{{ 7*7 }} {% for x in y %} {# note #} ${1+1} <|image_1|> <b>&amp;'\""))],
    "unicode": [user(image(), text("Ein süßes 猫 😀👍🏽 — “Öl”"))],
    "plain": [{"role": "user", "content": "Make the sky green."}],
    "system": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\nHi there"},
        user(image(), text("Now edit it.")),
    ],
    "prompt": [user(image(), text("Go"))],
}

# Shapes that are rendered with add_generation_prompt.
GENERATING = {"prompt"}

TEMPLATES = {}


def template(name, source):
    assert name not in TEMPLATES
    TEMPLATES[name] = source


# Forms in which GLM-Image's own output can be written.

template(
    "one line",
    "{%- for message in messages -%}{%- for item in message.content -%}{%- if item.type == 'image' -%}"
    "{{- '" + FRAME + "' -}}{%- elif item.type == 'text' -%}{{- item.text -}}{%- endif -%}{%- endfor -%}{%- endfor -%}",
)
template(
    "string or list",
    """{%- for m in messages -%}
{%- if m['content'] is string -%}
{{- m['content'] -}}
{%- else -%}
{%- for c in m['content'] -%}
{%- if c['type'] == 'image' or 'image' in c or 'image_url' in c -%}
""" + IMAGE_START + """{{- '<|image|>' -}}""" + IMAGE_END + """
{%- elif 'text' in c -%}
{{- c['text'] -}}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endfor -%}
""",
)
template(
    "macro",
    """{% macro visible(content) -%}
    {%- if content is string -%}{{ content }}
    {%- elif content is iterable and content is not mapping -%}
        {%- for item in content -%}
            {%- if item is mapping and item.type == 'image' -%}
                {{ bos_token ~ image_token ~ eos_token }}
            {%- elif item is mapping and item.type == 'text' -%}
                {{ item.text }}
            {%- elif item is string -%}
                {{ item }}
            {%- endif -%}
        {%- endfor -%}
    {%- else -%}{{ content }}
    {%- endif -%}
{%- endmacro -%}
{% for message in messages %}{{ visible(message.content) }}{% endfor %}""",
)
template(
    "string addition",
    "{% for m in messages %}{% for c in m.content if m.content is not string %}"
    "{% if c.type == 'image' %}{{ bos_token + '<|image|>' + eos_token }}{% else %}{{ '' + c.text }}{% endif %}"
    "{% endfor %}{% endfor %}",
)
template(
    "separate prints",
    "{% for m in messages %}{% for c in m.content %}{% if c.type == 'image' %}"
    "{{ '" + IMAGE_START + "' }}{{ '<|image|>' }}{{ \"" + IMAGE_END + "\" }}"
    "{% endif %}{% if c.type == 'text' %}{{ c.text }}{% endif %}{% endfor %}{% endfor %}",
)
template(
    "set and block set",
    """{%- set frame -%}
  {{- bos_token -}}<|image|>{{- eos_token -}}
{%- endset -%}
{%- set ns = namespace(out='', images=0) -%}
{%- for m in messages -%}{%- for c in m.content -%}
  {%- if c.type == 'image' -%}{%- set ns.out = ns.out ~ frame -%}{%- set ns.images = ns.images + 1 -%}
  {%- elif c.type == 'text' -%}{%- set ns.out = ns.out ~ c.text -%}{%- endif -%}
{%- endfor -%}{%- endfor -%}
{{- ns.out -}}""",
)
template(
    "images first, then texts",
    """{%- for m in messages -%}{%- if m.content is not string -%}
{{- (bos_token ~ image_token ~ eos_token) * (m.content | selectattr('type', 'equalto', 'image') | list | length) -}}
{{- m.content | selectattr('type', 'equalto', 'text') | map(attribute='text') | join -}}
{%- else -%}{{- m.content -}}{%- endif -%}{%- endfor -%}""",
)
template(
    "filters in a chain",
    "{% for m in messages %}{% for c in m.content %}{{ c.text | default('" + FRAME + "') }}{% endfor %}{% endfor %}",
)
template(
    "line structure",
    """{# The form of GLM-Image, with a line for every statement. #}
{% for message in messages %}
    {% if message.content is string %}
{{ message.content -}}
    {% else %}
        {% for item in message.content %}
            {% if item.type == 'image' %}
{{ bos_token }}{{ image_token }}{{ eos_token -}}
            {% elif item.type == 'text' %}
{{ item.text -}}
            {% endif %}
        {% endfor %}
    {% endif %}
{% endfor %}
""",
)
template(
    "ternaries",
    "{% for m in messages %}{{ m.content if m.content is string }}{% for c in m.content if m.content is not string %}"
    "{{ bos_token ~ image_token ~ eos_token if c.type == 'image' else c['text'] }}{% endfor %}{% endfor %}",
)
template(
    "call block",
    "{% macro framed() %}{{ bos_token }}{{ caller() }}{{ eos_token }}{% endmacro %}"
    "{% for c in messages[-1].content %}{% if c.image is defined %}{% call framed() %}<|image|>{% endcall %}"
    "{% else %}{{ c.text }}{% endif %}{% endfor %}",
)
template(
    "slices and reverse",
    "{% set turn = messages[-1:][0] %}{% for c in turn.content[::-1] | reverse %}"
    "{{ {'image': '" + FRAME + "', 'text': c.text}[c.type] }}{% endfor %}",
)
template(
    "break and continue",
    "{% for m in messages %}{% for c in m.content %}{% if c.type == 'image' %}" + FRAME + "{% continue %}{% endif %}"
    "{{ c.text }}{% break %}{% endfor %}{% endfor %}",
)
template(
    "generation tag",
    "{% for m in messages %}{% generation %}{% for c in m.content %}"
    "{{ c.text if c.type == 'text' else '" + FRAME + "' }}{% endfor %}{% endgeneration %}{% endfor %}",
)
template(
    "string methods",
    "{% for m in messages %}{% for c in m.content %}{% if c.type.startswith('im') %}"
    "{{ '  " + FRAME + " '.strip() }}{% elif c.type.upper() == 'TEXT' %}{{ c.get('text', '') }}{% endif %}{% endfor %}{% endfor %}",
)
template(
    "raw",
    "{% raw %}{{ not a print }}{% endraw %}{% for c in messages[0].content %}{{ c.text }}{% endfor %}",
)

# Forms of other models, written anew.

template(
    "llama 3",
    """{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}{{- "Environment: ipython\\n" }}{%- endif %}
{{- system_message }}{{- "<|eot_id|>" }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}
    {%- if message['content'] is string %}
        {{- message['content'] | trim }}
    {%- else %}
        {%- for content in message['content'] %}
            {%- if content['type'] == 'image' %}
                {{- '<|image|>' }}
            {%- elif content['type'] == 'text' %}
                {{- content['text'] | trim }}
            {%- endif %}
        {%- endfor %}
    {%- endif %}
    {{- '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
""",
)
template(
    "mistral",
    """{%- if messages[0].role == 'system' -%}
  {%- set system = messages[0].content -%}{%- set loop_messages = messages[1:] -%}
{%- else -%}{%- set loop_messages = messages -%}{%- endif -%}
{{- bos_token -}}
{%- for message in loop_messages -%}
  {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
    {{- raise_exception('Roles must alternate: ' + message.role) -}}
  {%- endif -%}
  {%- if message.role == 'user' -%}
    {%- if loop.last and system is defined -%}{{- '[INST] ' + system + '\\n\\n' -}}{%- else -%}{{- '[INST] ' -}}{%- endif -%}
    {%- if message.content is not string -%}
      {%- for chunk in message.content -%}
        {%- if chunk.type == 'text' -%}{{- chunk.text -}}
        {%- elif chunk.type in ['image', 'image_url'] -%}{{- '[IMG]' -}}
        {%- else -%}{{- raise_exception('Unknown chunk') -}}{%- endif -%}
      {%- endfor -%}
    {%- else -%}{{- message.content -}}{%- endif -%}
    {{- '[/INST]' -}}
  {%- else -%}{{- ' ' + message.content | trim + eos_token -}}{%- endif -%}
{%- endfor -%}""",
)
template(
    "qwen2-vl",
    """{% set image_count = namespace(value=0) %}{% set video_count = namespace(value=0) %}{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system
You are a helpful assistant.<|im_end|>
{% endif %}<|im_start|>{{ message['role'] }}
{% if message['content'] is string %}{{ message['content'] }}<|im_end|>
{% else %}{% for content in message['content'] %}{% if content['type'] == 'image' or 'image' in content or 'image_url' in content %}{% set image_count.value = image_count.value + 1 %}{% if add_vision_id %}Picture {{ image_count.value }}: {% endif %}<|vision_start|><|image_pad|><|vision_end|>{% elif content['type'] == 'video' or 'video' in content %}{% set video_count.value = video_count.value + 1 %}<|video_pad|>{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}<|im_end|>
{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}""",
)
template(
    "qwen3 thinking",
    """{%- set ns = namespace(multi_step=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step and message.role == "user" %}{%- set ns.multi_step = false %}{%- set ns.last = index %}{%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}{%- set content = message.content %}{%- else %}{%- set content = '' %}{%- endif %}
    {%- if message.role == "assistant" %}
        {%- set reasoning = '' %}
        {%- if message.reasoning_content is string %}{%- set reasoning = message.reasoning_content %}
        {%- elif '</think>' in content %}
            {%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {{- '<|im_start|>' + message.role + '\\n' + '[' + reasoning + ']' + content }}
    {%- else %}{{- '<|im_start|>' + message.role + ' ' + (ns.last|string) + '\\n' + content }}{%- endif %}
    {{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}""",
)
template(
    "glm-4v",
    """[gMASK]<sop>
{%- for item in messages %}
{%- if item['role'] == 'system' %}
<|system|>
{{ item['content'] }}
{%- elif item['role'] == 'user' %}
<|user|>
{% if item.content is string %}{{ item.content }}{% else %}
{%- for part in item.content %}{% if part.type == 'image' %}<|begin_of_image|><|image|><|end_of_image|>{% elif part.type == 'text' %}{{ part.text }}{% endif %}{% endfor %}
{%- endif %}
{%- else %}
<|assistant|>
{{ item['content'].split('</think>')[-1].strip() if '</think>' in item['content'] else item['content'] }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|assistant|>
{% endif %}""",
)
template(
    "gemma",
    """{{ bos_token }}{%- for message in messages -%}
    {%- if (message['role'] == 'assistant') -%}{%- set role = "model" -%}{%- else -%}{%- set role = message['role'] -%}{%- endif -%}
    {{ '<start_of_turn>' + role + '
' }}{%- if message['content'] is string -%}{{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}{{ '<start_of_image>' }}
            {%- elif item['type'] == 'text' -%}{{ item['text'] | trim }}{%- endif -%}
        {%- endfor -%}
    {%- else -%}{{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>
' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{'<start_of_turn>model
'}}{%- endif -%}
""",
)
template(
    "phi",
    "{% for m in messages %}{{ '<|' + m.role + '|>' + '\n' }}{% if m.content is string %}{{ m.content }}{% else %}"
    "{% for c in m.content %}{{ '<|image_' ~ loop.index ~ '|>' if c.type == 'image' else c.text }}{% endfor %}{% endif %}"
    "{{ '<|end|>\n' }}{% endfor %}{% if add_generation_prompt and messages[-1].role != 'assistant' %}{{- '<|assistant|>\n' -}}{% endif %}",
)
template(
    "idefics",
    "{% for m in messages %}{{ m['role'] | capitalize }}{% if m.content is not string and m['content'][0]['type'] == 'image' %}{{ ':' }}"
    "{% else %}{{ ': ' }}{% endif %}{% for line in m['content'] if m.content is not string %}{% if line['type'] == 'text' %}{{ line['text'] }}"
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}",
)
template(
    "llava with nested quotes",
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + ' '}}{# Render all images first #}"
    "{% if message.content is not string %}{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>' }}{% endfor %}"
    "{# Render all text next #}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ '\n' + content['text'] }}{% endfor %}"
    "{% endif %}{{'<|im_end|>'}}{% endfor %}",
)
template(
    "command with tools",
    """{%- set tool_list = tools or [] -%}
{%- if tool_list | length > 0 -%}tools{%- endif -%}
{%- for m in messages -%}
<|{{ m.role | upper }}|>{{ m.content | tojson if m.content is string else m.content | length }}
{%- endfor -%}""",
)
template(
    "deepseek",
    """{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% set ns = namespace(is_first=false, is_tool=false, system_prompt='', is_first_sp=true) %}{%- for message in messages %}{%- if message['role'] == 'system' %}{%- if ns.is_first_sp %}{% set ns.system_prompt = ns.system_prompt + message['content'] %}{% set ns.is_first_sp = false %}{%- else %}{% set ns.system_prompt = ns.system_prompt + '\\n\\n' + message['content'] %}{%- endif %}{%- endif %}{%- endfor %}{{ bos_token }}{{ ns.system_prompt }}{%- for message in messages %}{%- if message['role'] == 'user' %}{%- set ns.is_tool = false -%}{{'<|User|>' + (message['content'] if message['content'] is string else message['content'][-1]['text'])}}{%- endif %}{%- if message['role'] == 'assistant' and 'tool_calls' not in message %}{% set content = message['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{{'<|Assistant|>' + content + '<|end|>'}}{%- endif %}{%- endfor -%}{% if add_generation_prompt and not ns.is_tool %}{{'<|Assistant|>'}}{% endif %}""",
)
template(
    "recursive loop",
    "{% for item in [{'n': 1, 'c': [{'n': 2, 'c': [{'n': 3, 'c': []}]}]}] recursive %}{{ item.n }}{{ loop.depth }}"
    "{% if item.c %}[{{ loop(item.c) }}]{% endif %}{% endfor %}",
)

# Single features.

template(
    "loop variables",
    "{% for m in messages %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}"
    "{{ loop.previtem.role if not loop.first }}{{ loop.nextitem.role if not loop.last }}{{ loop.cycle('a', 'b') }}{{ loop.changed(m.role) }};{% endfor %}",
)
template("for else", "{% for x in [] %}x{% else %}none{% endfor %}{% for x in messages if x.role == 'tool' %}x{% else %}none{% endfor %}")
template("unpacking", "{% for k, v in {'a': 1, 'b': [1, 2.5, none, true, 'x']}.items() %}{{ k }}={{ v }};{% endfor %}{% set a, b = 1, 'z' %}{{ a }}{{ b }}")
template("dict printing", "{{ {'a': \"it's\", 'b': 'say \"x\"', 1: (1,), 'n': none} }}{{ [] }}{{ {} }}{{ (1, 2) }}{{ ['\\n', 'é\\u200b'] }}")
template("arithmetic", "{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ 1 + 2 * 3 - 4 }} {{ 0.1 + 0.2 }} {{ 1e3 }} {{ 10 / 5 }} {{ 3 * 'ab' }} {{ [1] + [2] }} {{ -2 ** 2 }} {{ 1_000 }}")
template("comparisons", "{{ 1 < 2 < 3 }} {{ 1 == 1.0 }} {{ 'a' < 'b' }} {{ 'a' in 'cat' }} {{ 3 not in [1, 2] }} {{ [1, 2] == [1, 2] }} {{ 'a' == none }} {{ true == 1 }} {{ {'a': 1} == {'a': 1.0} }} {{ not 1 == 2 }}")
template("logic", "{{ '' or 'x' }} {{ 0 and 1 }} {{ [] or none }} {{ 'a' and 'b' }} {{ not '' }} {{ (none or false) is false }} {{ 1 if '' else 2 }}")
template("precedence", "{{ 'a' ~ 1 + 2 }} {{ 'x' + 'y' | upper }} {{ 1 + 2 | string ~ 'z' if true else 0 }}")
template("precedence of minus", "{{ -1 | abs }} {{ (2 - 5) | abs }} {{ 'a,b'.split(',') | length + 1 }} {{ not true is false }}")
template("tests", "{{ 1 is number }}{{ 1 is integer }}{{ 1.0 is float }}{{ true is integer }}{{ true is boolean }}{{ 'a' is string }}{{ [] is sequence }}{{ {} is sequence }}{{ {} is mapping }}{{ 'a' is iterable }}{{ 1 is iterable }}{{ none is none }}{{ x is undefined }}{{ messages is defined }}{{ 2 is even }}{{ 2 is odd }}{{ 6 is divisibleby 3 }}{{ 1 is sameas 1 }}{{ 'a' is lower }}{{ 'A' is upper }}{{ 1 is eq 1 }}{{ 1 is in [1] }}{{ range is callable }}{{ 1 is not none }}{{ 'abs' is filter }}{{ 'x' is filter }}")
template("filters", "{{ ' a ' | trim }}|{{ 'aXb' | lower }}|{{ 'abc' | first }}|{{ [1, 2] | last }}|{{ 'abc' | length }}|{{ [3, 1, 2] | sort }}|{{ [3, 1, 2] | sort(reverse=true) | join('-') }}|{{ 'a-b' | replace('-', '+') }}|{{ [1, 2, 2] | unique | list }}|{{ '3' | int + 1 }}|{{ 'x' | int(7) }}|{{ '2.5' | float }}|{{ 2.567 | round(1) }}|{{ 2.5 | round }}|{{ -1 | abs }}|{{ 'hello world' | title }}|{{ 'hELLO' | capitalize }}|{{ [1, 2, 3] | sum }}|{{ [1, 5, 2] | max }}|{{ [1, 5, 2] | min }}|{{ 'abc' | reverse }}|{{ 'abc' | list }}|{{ 'a b c' | wordcount }}")
template("more filters", "{{ [[1, 'a'], [2, 'b']] | map('last') | list }}|{{ ['a', 'B'] | map('upper') | join(',') }}|{{ [1, 2, 3, 4] | select('odd') | list }}|{{ [1, 2, 3] | reject('eq', 2) | list }}|{{ {'b': 1, 'a': 2} | dictsort }}|{{ {'b': 1} | items | list }}|{{ [1, 2, 3, 4, 5] | batch(2) | list }}|{{ [1, 2, 3, 4, 5] | slice(2) | list }}|{{ 'a\nb' | indent(2) }}|{{ 'a\nb' | indent(2, true) }}|{{ '%s-%d' | format('x', 3) }}|{{ 'ab' | center(6) }}|{{ [{'a': 1, 'b': 2}, {'a': 1}] | groupby('a') | length }}|{{ [{'a': {'b': 3}}] | map(attribute='a.b') | list }}|{{ [{'x': 1}, {}] | map(attribute='x', default=9) | list }}|{{ [none, 1] | select | list }}|{{ 'a' | string }}|{{ '<b>&' | e }}|{{ '<b>' | safe }}|{{ [{'k': 1}, {'k': 0}] | selectattr('k') | list }}|{{ [{'k': 1}, {'j': 0}] | rejectattr('k', 'defined') | list }}|{{ x | default('d') }}|{{ '' | default('d', true) }}|{{ x | d }}|{{ ['b', 'A'] | sort }}|{{ [{'n': 2}, {'n': 1}] | sort(attribute='n') }}")
template("tojson", "{{ {'b': [1, 2.0, true, none, 'é<&>\"\\n'], 'a': {}} | tojson }}|{{ [] | tojson }}|{{ {'a': [1, {'c': []}]} | tojson(indent=2) }}|{{ {'b': 1, 'a': 2} | tojson(sort_keys=true) }}|{{ 'é😀' | tojson(ensure_ascii=true) }}|{{ [1, 2] | tojson(separators=(',', ':')) }}|{{ 1.5e300 | tojson }}")
template("more string methods", "{{ 'a b  c'.split() }}{{ 'a,b,c'.split(',', 1) }}{{ 'a,b,c'.rsplit(',', 1) }}{{ 'a\nb\r\nc'.splitlines() }}{{ 'abc'.find('c') }}{{ 'abc'.endswith('bc') }}{{ 'abc'.startswith(('x', 'a')) }}{{ 'Abc'.lower() }}{{ 'abc'.title() }}{{ 'abcabc'.replace('a', 'x', 1) }}{{ '-'.join(['a', 'b']) }}{{ 'abcb'.count('b') }}{{ '12'.isdigit() }}{{ 'ab'.isalpha() }}{{ 'xxax'.strip('x') }}{{ 'xxax'.lstrip('x') }}{{ 'xxax'.rstrip('x') }}{{ 'abc'.removeprefix('a') }}{{ 'abc'.removesuffix('c') }}{{ 'a=b'.partition('=') }}{{ '7'.zfill(3) }}{{ ' '.isspace() }}{{ 'abc'.index('b') }}{{ 'ab'.capitalize() }}{{ '{}-{}'.format('a', 1) }}")
template("slices", "{{ 'abcdef'[1:3] }}{{ 'abcdef'[::2] }}{{ 'abcdef'[-2:] }}{{ 'abcdef'[::-1] }}{{ [1, 2, 3][:-1] }}{{ [1, 2, 3][5:] }}{{ 'abc'[-1] }}{{ '😀bc'[1:] }}{{ '😀b' | length }}{{ (1, 2, 3)[1:] }}{{ 'abc'[none:2] }}")
template("dict methods", "{{ {'a': 1}.get('b', 2) }}{{ {'a': 1}.get('b') }}{{ {'a': 1}.keys() | list }}{{ {'a': 1}.values() | list }}{% for k in {'x': 1, 'y': 2} %}{{ k }}{% endfor %}{{ {'items': 3}.items() | list }}{{ {'items': 3}['items'] }}{{ dict(a=1, b=2) }}{{ 'a' in {'a': 1} }}")
template("attribute or item", "{% set d = {'keys': 'own', 'x': 1} %}{{ d['keys'] }}{{ d.x }}{{ d.y }}{{ d.keys() | list | length }}")
template("range", "{{ range(3) | list }}{{ range(1, 4) | list }}{{ range(5, 0, -2) | list }}{% for i in range(2) %}{{ i }}{% endfor %}")
template("cycler and joiner", "{% set c = cycler('a', 'b') %}{% set j = joiner(', ') %}{% for i in range(3) %}{{ j() }}{{ c.next() }}{% endfor %}{{ c.current }}")
template("scopes", "{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}{% if true %}{% set x = 9 %}{% endif %}{{ x }}{% with x = 5, y = 6 %}{{ x }}{{ y }}{% endwith %}{{ x }}{{ y }}")
template("macro arguments", "{% macro f(a, b=2, c='z') %}{{ a }}{{ b }}{{ c }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1) }}{{ f(1, c=3) }}{{ f() }}{{ f(1, 2, 3, 4, d=5) }}{{ f.name }}")
template("macro with a default from an argument", "{% macro f(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ f('x') }}{{ f('x', 'y') }}")
template("recursive macro", "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}")
template("call with arguments", "{% macro each(xs) %}{% for x in xs %}{{ caller(x, loop.index) }}{% endfor %}{% endmacro %}{% call(x, i) each(['a', 'b']) %}{{ i }}{{ x }};{% endcall %}")
template("filter block", "{% filter upper %}abc{{ messages | length }}{% endfilter %}{% filter replace('a', 'b') | trim %} aa {% endfilter %}")
template("block set with a filter", "{% set x | upper | trim %} abc {% endset %}[{{ x }}]")
template("undefined", "[{{ nothing }}][{{ nothing is defined }}][{{ messages[0].nothing }}][{% for x in nothing %}x{% endfor %}][{{ nothing | length }}][{{ 'a' ~ nothing }}][{{ nothing == none }}][{{ messages[99] is defined }}]")
template("whitespace", "  {% if true %}  \n  a  \n  {%- if true -%}  b  {%- endif %}  c\n{% endif %}\n  {# note #}\n  d {{ 1 }}\n\n  {{- 2 }}\n {{ 3 -}} \n e\n\t{% if false %}x{% endif %}\nf\n\n")
template("whitespace plus", "a\n  {%+ if true %}b{% endif +%}\nc\n{{+ 1 }}\n  {#- x -#}  \nd{% if true +%}\ne{% endif %}\n")
template("whitespace in raw", "a {%- raw -%} {{ x }} {%- endraw -%} b\n  {% raw %}\n {% y %}\n  {% endraw %}\nc")
template("carriage returns", "a\r\n{% if true %}\r\nb\r\n{% endif %}\r\nc\r\n")
template("comments with tags", "{# {% if %} {{ x }} #}a{#- b -#} c{# multi\nline #}\nd")
template("string escapes", "{{ 'a\\tb\\n' }}{{ \"it's\" }}{{ 'it\\'s' }}{{ '\\\\' }}{{ '\\x41\\u00e9\\U0001F600' }}{{ 'a' 'b' }}{{ '{{ x }}' }}{{ '%}' }}")
template("line ends in tags", "{%\nif\ntrue\n%}a{%\nendif\n%}{{\n'b'\n~\n'c'\n}}")
template("trailing commas", "{{ [1, 2,] }}{{ {'a': 1,} }}{{ (1,) }}{{ () }}")
template("keyword names", "{{ True }}{{ False }}{{ None }}{{ true and True }}{{ none is none }}")
template("numbers as keys", "{{ {1: 'a', 'b': 2}[1] }}{{ [[1, 2], [3, 4]][1][0] }}{{ messages.0.role }}")
template("starred arguments", "{% macro f(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ f(*[1, 2]) }}{{ f(**{'a': 3, 'b': 4}) }}")
template("namespace from a dict", "{% set ns = namespace({'a': 1}, b=2) %}{% set ns.a = ns.a + 1 %}{{ ns.a }}{{ ns.b }}{{ ns.c }}")
template("block", "{% block body %}a{{ messages | length }}{% endblock %}{% block other scoped %}b{% endblock other %}")
template("nested conditions", "{% if a %}1{% elif b %}2{% elif messages %}3{% else %}4{% endif %}{% if not a and (b or messages) %}5{% endif %}")
template("loop filter with index", "{% for x in range(10) if x % 3 == 0 %}{{ loop.index }}:{{ x }} {% endfor %}")
template("else in a nested loop", "{% for a in [[], [1]] %}{% for b in a %}{{ b }}{% else %}-{% endfor %}{% endfor %}")
template("truth", "{% for v in [0, 1, '', 'a', [], [0], {}, {'a': 1}, none, 0.0, true] %}{{ 'y' if v else 'n' }}{% endfor %}")
template("items of a dict in order", "{{ {'z': 1, 'a': 2, 'm': 3} | list }}{{ {'z': 1}.items() | first }}{{ {'z': 1, 'a': 2} | length }}")
template("floats", "{{ 1.0 }} {{ 1e16 }} {{ 1e-5 }} {{ 123456789.123 }} {{ 2.0 ** 0.5 }} {{ 1 / 3 }} {{ 7.0 // 2 }} {{ 3 | float }} {{ 1.5 | int }} {{ 100000000000000000000.0 }} {{ 0.0001 }}")
template("xor of kinds", "{{ 'a' in ['a'] and 'b' not in {'a': 1} }}{{ 'x' is in 'xyz' }}{{ 2 in (1, 2) }}")
template("do not escape", "{{ '<a href=\"x\">&' }}{{ messages[0].role ~ '<' }}")
template("autoescape block", "{% autoescape false %}{{ '<' }}{% endautoescape %}")
template("attr filter", "{{ 'abc' | attr('nothing') is defined }}{{ messages | attr('x') }}")
template("literal braces", "{ a } {x} }} %} #} { { 1 } }")
template("empty", "")
template("text only", "just text\n")
template("image objects", "{% for c in messages[-1].content if messages[-1].content is not string %}{{ 'i' if c.image is defined and c.image else 't' }}{{ c.image is string }}{{ c.image is mapping }}{{ c.image is none }}{% endfor %}")
template("special tokens", "{{ bos_token }}{{ eos_token }}{{ pad_token }}{{ image_token }}{{ unk_token is defined }}{{ tools is none }}{{ documents is none }}{{ add_generation_prompt }}")

# Quirks, found by comparing random templates.

template("else after continue", "{% for x in [1, 2] %}{% if x %}{% continue %}{% endif %}a{% else %}none{% endfor %}{% for x in [1, 2] %}{% if x == 2 %}{% continue %}{% endif %}a{% else %}none{% endfor %}{% for x in [1] %}{% break %}{% else %}none{% endfor %}")
template("filters over nothing", "{{ none | map('upper') | list }}{{ tools | map(attribute='name') | list }}{{ nothing | map('upper') | list }}{{ tools | selectattr('x') | list }}{{ 0 | reject | list }}")
template("floor division of numbers", "{{ 1 // 0.1 }} {{ -7.5 // 2 }} {{ 7.5 % -2 }} {{ -7.5 % 2 }} {{ 0.3 // 0.1 }} {{ -0.0 is divisibleby 2 }} {{ -0.4 | round }}")
template("truth of a stream", "{% if messages | selectattr('role', 'equalto', 'nobody') %}yes{% endif %}{% if messages | selectattr('role', 'equalto', 'nobody') | list %}yes{% endif %}")
template("a stream is read once", "{% set s = ['a', 'b'] | map('upper') %}{{ s | join }}{{ s | join }}")
template("views", "{% set d = {'a': 1} %}{{ d.keys() }}{{ d.values() }}{{ d.items() }}{{ d.items() | length }}{{ d.keys() is sequence }}{{ range(3) }}{{ range(1, 9, 2) }}{{ range(3)[-1] }}")
template("undefined is callable", "{{ nothing is callable }}{{ nothing is sequence }}{{ nothing is iterable }}{{ nothing is mapping }}{{ 'a' % nothing }}")
template("format without places", "{{ 'a' % 1 }}")
template("slice of a mapping", "{{ messages[0][1:] }}")
template("slice of None", "{{ tools[1:] }}")
template("filter in a condition that is not reached", "{% if nothing %}{{ 'a' | shout }}{% endif %}{{ ('a' | shout) if nothing is defined else 'b' }}")

# What must fail, and how.

template("raises", "a\n{{ raise_exception('not these messages') }}")
template("unknown filter", "a\n\n{{ 'a' | shout }}")
template("unknown test", "{{ 'a' is loud }}")
template("unknown tag", "a\n{% shout %}")
template("unclosed block", "{% if true %}\na")
template("unclosed print", "a\nb {{ 'x'\n")
template("unclosed comment", "a {# b")
template("wrong end", "{% for a in [] %}{% endif %}")
template("attribute of nothing", "a\n{{ nothing.at.all }}")
template("call of nothing", "{{ nothing() }}")
template("adding to nothing", "{{ 'a' + nothing }}")
template("adding number and text", "{{ 1 + 'a' }}")
template("item of none", "{{ none.x is defined }}{{ none['x'] is defined }}{{ none.x.y }}")
template("division by zero", "{{ 1 / 0 }}")
template("include", "{% include 'other.jinja' %}")
template("import", "{% from 'other.jinja' import x %}")
template("extends", "{% extends 'base' %}")
template("class of a string", "{{ ''.__class__.__mro__ }}")
template("class through attr", "{{ '' | attr('__class__') }}{{ ('' | attr('__class__')).x }}")
template("Java class", "{{ ''.getClass() }}")
template("Java field", "{{ messages.class.name }}")
template("globals of a function", "{{ range.__globals__.x }}")
template("mutation of messages", "{{ messages.append(1) }}")
template("mutation of a dict", "{{ messages[0].update({'role': 'x'}) }}")
template("large range", "{% for x in range(100001) %}{% endfor %}")
template("assignment to an attribute", "{% set messages.x = 1 %}")
template("bad index", "{{ [1][5].x }}")
template("break outside a loop", "{% break %}")
template("too many arguments", "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}")
template("strip of a number", "{{ 1.strip() }}")
template("method that does not exist", "{{ 'a'.shout() }}")


def kind(error):
    """Syntax errors are found before any message is rendered; all else while it is."""
    return "syntax" if isinstance(error, jinja2.TemplateSyntaxError) else "render"


def render(source, shape):
    try:
        rendered, _ = render_jinja_template(
            conversations=[SHAPES[shape]],
            chat_template=source,
            add_generation_prompt=shape in GENERATING,
            **SPECIAL,
            target_h=1024,
            target_w=768,
        )
        return {"text": rendered[0]}
    except Exception as error:  # every failure is an expectation
        return {"error": kind(error), "message": str(error), "line": getattr(error, "lineno", None)}


def main():
    cases = []
    for name, source in TEMPLATES.items():
        outputs = {shape: render(source, shape) for shape in SHAPES}
        first = next(iter(outputs.values()))
        # Most single features do not depend on the messages.
        if all(output == first for output in outputs.values()):
            outputs = {"*": first}
        cases.append({"name": name, "template": source, "outputs": outputs})
    whole = {
        "variables": SPECIAL,
        "shapes": {
            name: {"messages": messages, "add_generation_prompt": name in GENERATING}
            for name, messages in SHAPES.items()
        },
        "cases": cases,
    }
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        json.dump(whole, out, ensure_ascii=False, indent=1, default=lambda value: {"opaque": str(value)})
        out.write("\n")


if __name__ == "__main__":
    main()
