"""The built-in timetable: real lines with their real stations in order, and trains made on them by rule.

Stations and their order are real, and kilometres are rounded. The trains are not real; they run by the rules
below, which give the same on every machine. For real trains, name a timetable file in the settings.

The trains of a line leave its two ends alternately, odd numbers outwards, even numbers back, spread evenly
over the line's hours. The k-th calls at both ends and at every station that its pattern marks. Times follow
from the line's speed and two minutes a call, fares from kilometres.
"""

from collections.abc import Iterator
from typing import NamedTuple

from domain_12306.reference.timetable import NO_FARES, Stop, Timetable


class Line(NamedTuple):
    """`speed`: average km/h between calls. `hours`: first and last departure. `trains`: each way, a day."""

    name: str
    letter: str
    first_number: int
    trains: int
    hours: tuple[int, int]
    speed: int
    stations: str


LINES = (
    Line("京沪高速", "G", 1, 24, (6, 18), 270,
         "北京南 0 廊坊 59 天津南 131 沧州西 219 德州东 327 济南西 419 泰安 462 曲阜东 533 滕州东 589"
         " 枣庄 625 徐州东 692 宿州东 767 蚌埠南 848 定远 901 滁州 964 南京南 1023 镇江南 1092"
         " 丹阳北 1117 常州北 1155 无锡东 1210 苏州北 1237 昆山南 1268 上海虹桥 1318"),
    Line("京广深高速", "G", 61, 16, (7, 15), 260,
         "北京西 0 涿州东 62 高碑店东 84 保定东 139 定州东 197 石家庄 281 高邑西 332 邢台东 385"
         " 邯郸东 437 安阳东 497 鹤壁东 541 新乡东 604 郑州东 693 许昌东 774 漯河西 830 驻马店西 893"
         " 明港东 937 信阳东 992 孝感北 1079 武汉 1229 咸宁北 1314 赤壁北 1357 岳阳东 1444 汨罗东 1514"
         " 长沙南 1591 株洲西 1643 衡山西 1719 衡阳东 1768 耒阳西 1823 郴州西 1921 乐昌东 2014 韶关 2075"
         " 英德西 2153 清远 2220 广州北 2255 广州南 2298 庆盛 2328 虎门 2348 光明城 2378 深圳北 2400"),
    Line("沪昆高速", "G", 1321, 12, (6, 13), 230,
         "上海虹桥 0 金山北 49 嘉兴南 84 桐乡 113 杭州东 159 诸暨 218 义乌 268 金华 327 龙游 369 衢州 400"
         " 江山 437 玉山南 468 上饶 500 弋阳 552 鹰潭北 604 抚州东 650 南昌西 749 高安 790 新余北 877"
         " 宜春 937 萍乡北 996 醴陵东 1033 长沙南 1091 湘潭北 1116 韶山南 1140 娄底南 1206 邵阳北 1260"
         " 新化南 1304 溆浦南 1352 怀化南 1428 芷江 1460 新晃西 1503 铜仁南 1541 三穗 1588 凯里南 1658"
         " 贵定北 1744 贵阳北 1797 安顺西 1885 关岭 1938 普安县 1989 盘州 2037 富源北 2071 曲靖北 2121"
         " 昆明南 2252"),
    Line("京哈高速", "G", 901, 12, (6, 16), 240,
         "北京朝阳 0 顺义西 28 怀柔南 45 密云 66 兴隆县西 118 安匠 157 承德南 192 平泉北 258 牛河梁 300"
         " 喀左 354 奈林皋 385 辽宁朝阳 412 北票 435 乌兰木图 462 阜新 489 黑山北 548 新民北 604"
         " 沈阳西 664 沈阳北 697 铁岭西 764 开原西 797 昌图西 829 四平东 885 公主岭南 939 长春西 991"
         " 德惠西 1076 扶余北 1131 双城北 1188 哈尔滨西 1231"),
    Line("哈大高速", "G", 8001, 10, (6, 17), 230,
         "哈尔滨西 0 双城北 43 扶余北 100 德惠西 155 长春西 240 公主岭南 292 四平东 346 昌图西 402"
         " 开原西 434 铁岭西 467 沈阳北 538 辽阳 602 鞍山西 627 海城西 661 营口东 691 盖州西 717"
         " 鲅鱼圈 744 瓦房店西 817 大连北 903"),
    Line("徐兰高速", "G", 1901, 10, (7, 16), 240,
         "徐州东 0 萧县北 31 砀山南 81 商丘 156 民权北 213 兰考南 250 开封北 299 郑州东 357 巩义南 433"
         " 洛阳龙门 499 渑池南 564 三门峡南 624 灵宝西 671 华山北 756 渭南北 818 西安北 879 咸阳西 903"
         " 杨陵南 960 岐山 990 宝鸡南 1018 天水南 1152 秦安 1196 通渭 1251 定西北 1331 兰州西 1430"),
    Line("成渝高速", "G", 8501, 16, (6, 21), 220,
         "成都东 0 简阳南 52 资阳北 83 资中北 137 内江北 167 隆昌北 208 荣昌北 231 大足南 252 永川东 276"
         " 璧山 315 沙坪坝 340 重庆北 351"),
    Line("杭深", "D", 3101, 10, (6, 14), 165,
         "上海虹桥 0 嘉善南 66 嘉兴南 84 桐乡 113 海宁西 126 余杭 144 杭州东 159 绍兴北 202 上虞北 232"
         " 余姚北 259 宁波 314 奉化 341 宁海 386 三门县 413 临海 451 台州 475 温岭 493 雁荡山 520"
         " 绅坊 536 乐清 547 永嘉 571 温州南 590 瑞安 611 平阳 625 苍南 649 福鼎 682 太姥山 719 霞浦 753"
         " 福安 787 宁德 812 罗源 845 连江 869 福州 909 福州南 925 福清 964 莆田 1012 泉州 1082 晋江 1098"
         " 厦门北 1166 漳州 1208 漳浦 1252 云霄 1283 饶平 1350 潮汕 1383 普宁 1431 陆丰 1479 汕尾 1520"
         " 鲘门 1551 惠东 1590 惠州南 1613 深圳坪山 1641 深圳北 1672"),
    Line("贵广", "D", 2801, 8, (7, 16), 180,
         "贵阳北 0 贵阳东 12 龙里北 34 贵定县 66 都匀东 112 三都县 158 榕江 207 从江 271 三江南 330"
         " 五通 379 桂林西 412 阳朔 466 恭城 500 钟山西 549 贺州 595 怀集 664 广宁 715 肇庆东 776"
         " 三水南 805 佛山西 830 广州南 857"),
    Line("京津城际", "C", 2001, 40, (6, 22), 240,
         "北京南 0 亦庄 21 武清 83 天津 120"),
    Line("沪宁城际", "C", 3701, 24, (6, 21), 190,
         "上海 0 上海西 6 南翔北 18 安亭北 32 花桥 39 昆山南 50 阳澄湖 61 苏州园区 73 苏州 84 苏州新区 93"
         " 无锡新区 114 无锡 126 惠山 137 戚墅堰 157 常州 165 丹阳 209 丹徒 226 镇江 237 宝华山 269"
         " 仙林 283 南京 301"),
    Line("广深", "C", 7001, 30, (6, 22), 140, "广州东 0 石龙 70 东莞 83 樟木头 97 平湖 125 深圳 139"),
    Line("京沪", "T", 109, 6, (8, 20), 105,
         "北京 0 天津 137 沧州 265 德州 376 济南 497 泰山 569 兖州 651 徐州 814 蚌埠 979 滁州北 1089"
         " 南京 1162 镇江 1226 常州 1298 无锡 1337 苏州 1379 上海 1463"),
    Line("京广", "K", 471, 8, (6, 22), 85,
         "北京西 0 涿州 62 保定 139 定州 197 石家庄 277 邢台 391 邯郸 443 安阳 503 鹤壁 547 新乡 608"
         " 郑州 689 许昌 775 漯河 829 驻马店 896 信阳 992 孝感 1151 武昌 1225 咸宁 1308 赤壁 1353"
         " 岳阳 1440 汨罗 1511 长沙 1587 株洲 1639 衡阳 1770 耒阳 1827 郴州 1922 韶关东 2075 英德 2158"
         " 广州 2294"),
    Line("陇海兰新", "K", 1351, 6, (7, 21), 85,
         "上海 0 苏州 84 无锡 126 常州 165 南京 301 蚌埠 484 宿州 574 徐州 649 商丘 795 开封 926 郑州 998"
         " 洛阳 1122 三门峡 1258 渭南 1455 西安 1511 咸阳 1534 宝鸡 1684 天水 1830 陇西 1954 定西 2030"
         " 兰州 2187 武威 2466 张掖 2711 嘉峪关 2943 哈密 3502 鄯善 3813 吐鲁番 3912 乌鲁木齐 4077"),
    Line("京九", "Z", 105, 4, (12, 22), 110,
         "北京西 0 霸州 106 衡水 274 聊城 429 菏泽 591 商丘 694 亳州 756 阜阳 861 麻城 1119 九江 1315"
         " 南昌 1443 吉安 1662 赣州 1836 龙川 2061 河源 2140 惠州 2226 东莞东 2286 深圳 2367"),
)  # fmt: skip

DWELL_MINUTES = 2
FEN_A_KM = {"G": 46, "C": 40, "D": 31}
CONVENTIONAL_FEN_A_KM = (13, 20, 22, 23, 24, 35, 37)


def built_in_timetable() -> Timetable:
    """The timetable of some 470 trains on 16 lines."""
    return Timetable(dict(_trains()), "built-in")


def _trains() -> Iterator[tuple[str, tuple[Stop, ...]]]:
    for line in LINES:
        words = line.stations.split()
        out = [(station, int(km)) for station, km in zip(words[::2], words[1::2], strict=True)]
        length = out[-1][1]
        back = [(station, length - km) for station, km in reversed(out)]
        first, last = line.hours[0] * 60, line.hours[1] * 60
        for k in range(line.trains):
            departure = first + (last - first) * k // max(line.trains - 1, 1)
            for way, stations in enumerate((out, back)):
                number = line.first_number + 2 * k + way
                called = [s for at, s in enumerate(stations) if _calls(at, len(stations), k)]
                yield f"{line.letter}{number}", tuple(_run(line, called, departure + 5 * way))


def _calls(at: int, stations: int, k: int) -> bool:
    """Every fourth train calls everywhere; the first of four runs fast, the others skip in turn."""
    if at in (0, stations - 1) or k % 4 == 3 or stations <= 3:
        return True
    return at % 5 == 0 if k % 4 == 0 else (at + k) % 3 != 0


def _run(line: Line, called: list[tuple[str, int]], clock: int) -> Iterator[Stop]:
    previous = 0
    for at, (station, km) in enumerate(called):
        clock += -(-(km - previous) * 60 // line.speed)
        previous = km
        arrive = clock
        if 0 < at < len(called) - 1:
            clock += DWELL_MINUTES
        yield Stop(station, arrive, clock, _fares(line.letter, km))


def _fares(letter: str, km: int) -> tuple[int | None, ...]:
    """Fen from the origin, in whole half-yuan as on a real ticket."""
    if letter in FEN_A_KM:
        return (_half_yuan(km * FEN_A_KM[letter]), *NO_FARES[1:])
    return tuple([_half_yuan(km * fen) for fen in CONVENTIONAL_FEN_A_KM])


def _half_yuan(fen: int) -> int:
    return (fen + 25) // 50 * 50
